"""A report as plain text, Markdown or CSV, and the cells that every format shows one line by."""

import csv
import html
import io
from collections.abc import Sequence
from typing import Any, Final

from sbn.report import sentences
from sbn.report.report_data import ReportData, told_choices
from sbn.report.shortened import MARK, Names, names, without_empty
from sbn.report.significance import LEVEL, difference_interval
from sbn.report.tables import Line, label, overrides_text

NONE: Final = "–"
HEADER: Final = ("row", "metric", "ours", "runs", "paper", "diff", f"{LEVEL:.0%} interval", "where", "notes")
RUNS, WHERE = HEADER.index("runs"), HEADER.index("where")
NUMERIC: Final = (2, 3, 4, 5, 6)  # columns set flush right
_LONGEST: Final = 60  # characters of overrides beside a row's name in a terminal; longer ones are named below the table
CSV_HEADER: Final = (
    "experiment", "table", "row", "overrides", "metric", "stage", "statistic", "mean", "std", "runs",
    "asked", "paper", "paper_std", "difference", "interval_low", "interval_high", "reading", "where", "notes",
)  # fmt: skip


SEEDS_HEADER: Final = (
    "experiment", "table", "row", "overrides", "reading", "metric", "stage", "statistic", "seed", "value",
)  # fmt: skip


def make_cells(lines: Sequence[Line], names: Names | None = None) -> list[tuple[str, ...]]:
    """Returns the cells of every line, one per column of `HEADER`; what a row's first line says is said once.

    Args:
        lines: of a table.
        names: short names of its rows; None: with all overrides.
    """
    rows: list[tuple[str, ...]] = []
    before = ""
    for line in lines:
        first = before != label(line)
        before = label(line)
        interval = difference_interval(line)
        rows.append(
            (
                (names.name(line) if names else before) if first else "",
                line.measure.text,
                spread(line.mean, line.std),
                _runs(line),
                spread(line.paper.value, line.paper.std) if line.paper else NONE,
                NONE if line.difference is None else f"{line.difference:+.2f}",
                NONE if interval is None else f"[{interval[0]:+.2f}, {interval[1]:+.2f}]",
                line.where if first else "",
                "; ".join(line.notes),
            )
        )
    return rows


def _runs(line: Line) -> str:
    """How many runs are in the mean, and of how many the paper's number is, where there is one."""
    if not line.paper:
        return str(line.runs)
    return f"{line.runs}, paper: not said" if line.asked is None else f"{line.runs}/{line.asked}"


def spread(mean: float | None, std: float | None) -> str:
    """Returns 'mean ± std', what there is of it."""
    if mean is None:
        return NONE
    return f"{mean:.2f}" if std is None else f"{mean:.2f} ± {std:.2f}"


def text(data: ReportData) -> str:
    """Sets tables for a terminal: columns aligned, a row's name once, notes as numbers that are explained below.

    Where a row stands in its paper is left out, or lines would be too long for most terminals.
    """
    blocks = []
    for section in data.sections:
        lines = without_empty(section.lines)
        short = names(lines, longest=_LONGEST)
        numbers: dict[str, str] = {}
        cells = [_narrow(HEADER, "notes")]
        for line, row in zip(lines, make_cells(lines, short), strict=True):
            marks = [numbers.setdefault(note, str(len(numbers) + 1)) for note in line.notes]
            cells.append(_narrow(row, ", ".join(marks)))
        filled = [k for k in range(len(cells[0])) if any(row[k] for row in cells[1:])]
        width = {k: max(len(row[k]) for row in cells) for k in filled}
        block = [section.heading]
        for row in cells:
            aligned = [row[k].rjust(width[k]) if k in NUMERIC else row[k].ljust(width[k]) for k in filled]
            block.append("  ".join(aligned).rstrip())
        block.insert(2, "-" * max(map(len, block[1:])))
        block += [f"{mark}  changed: {text}" for mark, text in short.explained.items()]
        block += [f"{number}  {note}" for note, number in numbers.items()]
        if section.chapter:
            block = [section.chapter, "=" * len(section.chapter), "", *block]
        blocks.append("\n".join(block) + "\n")
        blocks += sentences.as_text(sentences.translated(section))
    return "\n".join(blocks)


def _narrow(cells: Sequence[str], notes: str) -> tuple[str, ...]:
    """The cells of a line without `where`, and with short notes; 'paper: not said' is '?'."""
    runs = cells[RUNS].replace(", paper: not said", "/?")
    return (*cells[:RUNS], runs, *cells[RUNS + 1 : WHERE], notes)


def markdown(data: ReportData) -> str:
    """Sets tables for a README, and below them what they leave out."""
    rule = "|".join(" ---: " if k in NUMERIC else " --- " for k in range(len(HEADER)))
    blocks = []
    for section in data.sections:
        lines = without_empty(section.lines)
        short = names(lines)
        cells = [[_escaped(cell) for cell in row] for row in (HEADER, *make_cells(lines, short))]
        rows = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in cells]
        bars = [f"| {row} |" for row in rows]
        blocks += [f"## {_escaped(section.chapter)}\n"] * bool(section.chapter)
        blocks.append("\n".join([f"### {_escaped(section.heading)}", "", bars[0], f"|{rule}|", *bars[1:]]) + "\n")
        if short.common:
            blocks.append(f"\\{MARK} changed: {_escaped(short.common)}\n")
        if items := [f"* {_escaped(line)}" for line in told_choices(section)]:
            blocks.append("\n".join(["What the paper leaves open here:", "", *items]) + "\n")
        blocks += sentences.as_markdown(sentences.translated(section))
    if data.notes:
        blocks.append("\n".join(["### Not in the tables", "", *(f"* {_escaped(note)}" for note in data.notes)]) + "\n")
    return "\n".join(blocks)


def _escaped(text: str) -> str:
    """Text as Markdown shows it: HTML in it would be carried out."""
    return html.escape(text, quote=False).replace("\n", " ")


def comma_separated(data: ReportData) -> str:
    """Sets all tables as one CSV with full precision; empty where there is no number."""
    rows: list[tuple[Any, ...]] = []
    for section in data.sections:
        for line in section.lines:
            paper = (line.paper.value, line.paper.std) if line.paper else (None, None)
            head = (section.experiment, section.table, line.row, overrides_text(line.overrides))
            ours = (
                line.measure.metric,
                line.measure.stage,
                line.measure.statistic,
                line.mean,
                line.std,
                line.runs,
                line.asked,
            )
            apart = (line.difference, *(difference_interval(line) or (None, None)))
            rows.append((*head, *ours, *paper, *apart, line.reading, line.where, "; ".join(line.notes)))
    return _csv(CSV_HEADER, rows)


def per_seed(data: ReportData) -> str:
    """Sets what is in the means of all tables as one CSV, a line for each seed, in the unit of the mean."""
    rows: list[tuple[Any, ...]] = []
    for section in data.sections:
        for line in section.lines:
            measure = line.measure
            head = (section.experiment, section.table, line.row, overrides_text(line.overrides), line.reading)
            own = (*head, measure.metric, measure.stage, measure.statistic)
            rows += [(*own, seed, value) for seed, value in line.values.items()]
    return _csv(SEEDS_HEADER, rows)


def _csv(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *rows])
    return out.getvalue()
