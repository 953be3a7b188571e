"""Shortens tables: omits empty lines of rows that were run with changes, and names common overrides once."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sbn.config.readings import joined
from sbn.report.tables import Line, label, overrides_text

MARK: Final = "*"  # stands for the overrides that all runs with overrides have
_ALARMING: Final = ("failed:", "diverged")  # notes that are shown without any number


def without_empty(lines: Sequence[Line]) -> list[Line]:
    """Returns the lines without those of a row that was not run unchanged, where it was run with changes."""
    measured = {line.row for line in lines if line.mean is not None}
    alive = {label(line) for line in lines if line.mean is not None or _alarming(line)}
    return [line for line in lines if line.row not in measured or label(line) in alive]


def _alarming(line: Line) -> bool:
    return any(word in note for note in line.notes for word in _ALARMING)


@dataclasses.dataclass(frozen=True)
class Names:
    """Short names of the rows of a table.

    Attributes:
        common: the overrides that all runs with overrides have, as text; '' if there is nothing to say once.
        shared: the same overrides, by name.
    """

    common: str
    shared: Mapping[str, Any]

    def parts(self, line: Line) -> tuple[str, str]:
        """Returns `MARK` if the runs of a line changed what is `common`, otherwise ''; and what else they changed."""
        if not self.common or not line.overrides:
            return "", overrides_text(line.overrides)
        return MARK, overrides_text({name: value for name, value in line.overrides.items() if name not in self.shared})

    def name(self, line: Line) -> str:
        """Returns a row's name with its reading and, in brackets, what its runs changed."""
        name, changed = joined(line.row, line.reading), ", ".join(filter(None, self.parts(line)))
        return f"{name} [{changed}]" if changed else name


def names(lines: Sequence[Line]) -> Names:
    """Returns the short names of the rows of a table."""
    changed = {label(line): line.overrides for line in lines if line.overrides}
    if len(changed) < 2:
        return Names("", {})
    first, *others = changed.values()
    shared = {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}
    return Names(overrides_text(shared), shared)
