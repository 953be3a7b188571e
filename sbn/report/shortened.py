"""Shortens tables: omits empty lines of rows that were run with changes, and names common overrides once."""

import dataclasses
import string
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
        letters: of the other overrides the texts that are too long for a table, each with the letter in its place.
    """

    common: str
    shared: Mapping[str, Any]
    letters: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def parts(self, line: Line) -> tuple[str, str]:
        """Returns `MARK` if the runs of a line changed what is `common`, otherwise ''; and what else they changed."""
        mark = MARK if self.common and line.overrides else ""
        rest = _rest(line, self.shared)
        return mark, self.letters.get(rest, rest)

    def name(self, line: Line) -> str:
        """Returns a row's name with its reading and, in brackets, what its runs changed."""
        name, changed = joined(line.row, line.reading), ", ".join(filter(None, self.parts(line)))
        return f"{name} [{changed}]" if changed else name

    @property
    def explained(self) -> dict[str, str]:
        """What is to be explained below the table: {MARK or a letter: the overrides that it stands for}."""
        common = {MARK: self.common} if self.common else {}
        return common | {letter: text for text, letter in self.letters.items()}


def names(lines: Sequence[Line], *, longest: int | None = None) -> Names:
    """Returns the short names of the rows of a table.

    Args:
        lines: of the table.
        longest: overrides with more characters become a letter; None: none do.
    """
    changed = {label(line): line.overrides for line in lines if line.overrides}
    shared: Mapping[str, Any] = {}
    if len(changed) > 1:
        first, *others = changed.values()
        shared = {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}
    every = dict.fromkeys(_rest(line, shared) for line in lines)
    long = [text for text in every if longest is not None and len(text) > longest]
    return Names(overrides_text(shared), shared, {text: _letter(place) for place, text in enumerate(long)})


def shortest(lines: Sequence[Line]) -> dict[str, str]:
    """Returns what rows are called in figures, by their label: without overrides, where these tell no two apart."""
    short, of = names(lines), {label(line): line for line in lines}
    plain = [joined(line.row, line.reading) for line in of.values()]
    return {
        name: own if plain.count(own) == 1 else short.name(line)
        for own, (name, line) in zip(plain, of.items(), strict=True)
    }


def _rest(line: Line, shared: Mapping[str, Any]) -> str:
    return overrides_text({name: value for name, value in line.overrides.items() if name not in shared})


def _letter(place: int) -> str:
    """Returns a to z, aa to zz, and so on."""
    return string.ascii_lowercase[place % 26] * (place // 26 + 1)
