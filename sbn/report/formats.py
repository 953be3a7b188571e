"""A report as plain text, Markdown or CSV, and the table of all formats."""

import csv
import dataclasses
import io
from collections.abc import Callable
from typing import Final

from sbn.report.book import Book
from sbn.report.cells import HEADER, NUMERIC, make_cells, overrides_text
from sbn.report.intervals import difference_interval
from sbn.report.latex import latex
from sbn.report.page import html_page

CSV_HEADER: Final = (
    "experiment", "table", "row", "overrides", "metric", "stage", "statistic", "mean", "std", "runs", "asked", "paper",
    "paper_std", "difference", "interval_low", "interval_high", "standard_errors", "where", "notes",
)  # fmt: skip


def text(book: Book) -> str:
    """Sets tables for a terminal: columns aligned, a row's name once."""
    blocks = []
    for section in book.sections:
        cells = [HEADER, *make_cells(section.lines)]
        filled = [k for k in range(len(HEADER)) if any(row[k] for row in cells[1:])]
        width = {k: max(len(row[k]) for row in cells) for k in filled}
        block = [section.heading]
        for row in cells:
            aligned = [row[k].rjust(width[k]) if k in NUMERIC else row[k].ljust(width[k]) for k in filled]
            block.append("  ".join(aligned).rstrip())
        block.insert(2, "-" * max(map(len, block[1:])))
        if section.chapter:
            block = [section.chapter, "=" * len(section.chapter), "", *block]
        blocks.append("\n".join(block) + "\n")
    return "\n".join(blocks)


def markdown(book: Book) -> str:
    """Sets tables for a README, and below them what they leave out."""
    rule = "|".join(" ---: " if k in NUMERIC else " --- " for k in range(len(HEADER)))
    blocks = []
    for section in book.sections:
        rows = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in (HEADER, *make_cells(section.lines))]
        bars = [f"| {row} |" for row in rows]
        blocks += [f"## {section.chapter}\n"] * bool(section.chapter)
        blocks.append("\n".join([f"### {section.heading}", "", bars[0], f"|{rule}|", *bars[1:]]) + "\n")
    if book.notes:
        blocks.append("\n".join(["### Not in the tables", "", *(f"* {note}" for note in book.notes)]) + "\n")
    return "\n".join(blocks)


def comma_separated(book: Book) -> str:
    """Sets all tables as one CSV with full precision; empty where there is no number."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for section in book.sections:
        for line in section.lines:
            paper = (line.paper.value, line.paper.std) if line.paper else (None, None)
            head = (section.experiment, section.table, line.row, overrides_text(line.overrides))
            ours = (*dataclasses.astuple(line.measure), line.mean, line.std, line.runs, line.asked)
            apart = (line.difference, *(difference_interval(line) or (None, None)), line.score)
            writer.writerow((*head, *ours, *paper, *apart, line.where, "; ".join(line.notes)))
    return out.getvalue()


FORMATS: Final[dict[str, Callable[[Book], str]]] = {
    "text": text,
    "markdown": markdown,
    "csv": comma_separated,
    "latex": latex,
    "html": html_page,
}
