"""The texts that a line of a report is shown by, whatever the format."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sbn.report.intervals import LEVEL, difference_interval
from sbn.report.tables import Line

NONE: Final = "–"
HEADER: Final = ("row", "metric", "ours", "runs", "paper", "diff", f"{LEVEL:.0%} interval", "where", "notes")
NUMERIC: Final = (2, 3, 4, 5, 6)  # columns set flush right


def overrides_text(overrides: Mapping[str, Any]) -> str:
    """Overrides as on a command line, by name."""
    return ", ".join(f"{name}={value}" for name, value in sorted(overrides.items()))


def label(line: Line) -> str:
    """The row, marked with what its runs changed in it."""
    changed = overrides_text(line.overrides)
    return f"{line.row} [{changed}]" if changed else line.row


def make_cells(lines: Sequence[Line]) -> list[tuple[str, ...]]:
    """Returns the cells of every line, one a column of `HEADER`; what a row's first line says is said once."""
    rows: list[tuple[str, ...]] = []
    before = ""
    for line in lines:
        first = before != label(line)
        before = label(line)
        interval = difference_interval(line)
        rows.append(
            (
                before if first else "",
                line.measure.text,
                _spread(line.mean, line.std),
                f"{line.runs}/{line.asked}",
                _spread(line.paper.value, line.paper.std) if line.paper else NONE,
                NONE if line.difference is None else f"{line.difference:+.2f}",
                NONE if interval is None else f"[{interval[0]:+.2f}, {interval[1]:+.2f}]",
                line.where if first else "",
                "; ".join(line.notes),
            )
        )
    return rows


def _spread(mean: float | None, std: float | None) -> str:
    if mean is None:
        return NONE
    return f"{mean:.2f}" if std is None else f"{mean:.2f} ± {std:.2f}"
