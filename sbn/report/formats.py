"""Lines of a report as plain text, Markdown or CSV."""

import csv
import dataclasses
import io
from collections.abc import Callable, Sequence
from typing import Final

from sbn.report.tables import Line

Titled = tuple[str, str, Sequence[Line]]  # name, title and lines of a table

NONE: Final = "–"
HEADER: Final = ("row", "metric", "ours", "runs", "paper", "diff", "s.e.", "where", "notes")
NUMERIC: Final = (2, 3, 4, 5, 6)  # columns set flush right
CSV_HEADER: Final = (
    "table", "row", "overrides", "metric", "stage", "statistic", "mean", "std", "runs", "asked", "paper",
    "paper_std", "difference", "standard_errors", "where", "notes",
)  # fmt: skip


def overrides_text(line: Line) -> str:
    """The overrides as on a command line, by name."""
    return ", ".join(f"{name}={value}" for name, value in sorted(line.overrides.items()))


def text(tables: Sequence[Titled]) -> str:
    """Sets tables for a terminal: columns aligned, a row's name once."""
    blocks = []
    for name, title, lines in tables:
        cells = [HEADER, *_cells(lines)]
        filled = [k for k in range(len(HEADER)) if any(row[k] for row in cells[1:])]
        width = {k: max(len(row[k]) for row in cells) for k in filled}
        block = [f"{name}: {title}"]
        for row in cells:
            aligned = [row[k].rjust(width[k]) if k in NUMERIC else row[k].ljust(width[k]) for k in filled]
            block.append("  ".join(aligned).rstrip())
        block.insert(2, "-" * max(map(len, block[1:])))
        blocks.append("\n".join(block) + "\n")
    return "\n".join(blocks)


def markdown(tables: Sequence[Titled]) -> str:
    """Sets tables for a README."""
    rule = "|".join(" ---: " if k in NUMERIC else " --- " for k in range(len(HEADER)))
    blocks = []
    for name, title, lines in tables:
        rows = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in (HEADER, *_cells(lines))]
        bars = [f"| {row} |" for row in rows]
        blocks.append("\n".join([f"### {name}: {title}", "", bars[0], f"|{rule}|", *bars[1:]]) + "\n")
    return "\n".join(blocks)


def comma_separated(tables: Sequence[Titled]) -> str:
    """Sets all tables as one CSV with full precision; empty where there is no number."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for name, _, lines in tables:
        for line in lines:
            paper = (line.paper.value, line.paper.std) if line.paper else (None, None)
            measure = dataclasses.astuple(line.measure)
            head = (name, line.row, overrides_text(line), *measure, line.mean, line.std, line.runs, line.asked)
            writer.writerow((*head, *paper, line.difference, line.score, line.where, "; ".join(line.notes)))
    return out.getvalue()


FORMATS: Final[dict[str, Callable[[Sequence[Titled]], str]]] = {
    "text": text,
    "markdown": markdown,
    "csv": comma_separated,
}


def _cells(lines: Sequence[Line]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    before: tuple[str, str] | None = None
    for line in lines:
        changed = overrides_text(line)
        label = f"{line.row} [{changed}]" if changed else line.row
        first = before != (line.row, changed)
        before = (line.row, changed)
        rows.append(
            (
                label if first else "",
                line.measure.text,
                _spread(line.mean, line.std),
                f"{line.runs}/{line.asked}",
                _spread(line.paper.value, line.paper.std) if line.paper else NONE,
                NONE if line.difference is None else f"{line.difference:+.2f}",
                NONE if line.score is None else f"{line.score:+.1f}",
                line.where if first else "",
                "; ".join(line.notes),
            )
        )
    return rows


def _spread(mean: float | None, std: float | None) -> str:
    if mean is None:
        return NONE
    return f"{mean:.2f}" if std is None else f"{mean:.2f} ± {std:.2f}"
