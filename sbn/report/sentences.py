"""Sentences that runs translated: source, reference, and every branch's translation, in every format."""

import html
import re
from collections.abc import Sequence
from typing import NamedTuple

from sbn.report.collect import Run
from sbn.report.report_data import Section
from sbn.runs.arrays import read_arrays
from sbn.runs.content import Damaged

EVALUATOR = "bleu"  # whose arrays hold them
_END = "/translation"
_SIGNS = re.compile(r"[\\`*_\[\]|~$]")


class Translated(NamedTuple):
    """Sentences of one run.

    Attributes:
        title: row, seed and step.
        header: what stands in each column.
        rows: one line for each sentence.
    """

    title: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]


def translated(section: Section) -> list[Translated]:
    """Returns the sentences stored by a table's runs, for one seed of every row, at the end of the run."""
    found = []
    for name, runs in section.runs.items():
        for run in sorted(runs, key=lambda run: run.seed)[:1]:
            if sentences := _of_run(run, name):
                found.append(sentences)
    return found


def _of_run(run: Run, name: str) -> Translated | None:
    try:
        arrays = read_arrays(run.path / "artifacts" / EVALUATOR / f"{run.steps}.npz", config=run.config)
    except Damaged:
        return None
    if not arrays or "source" not in arrays or "reference" not in arrays:
        return None
    branches = [key.removesuffix(_END) for key in arrays if key.endswith(_END)]
    columns = [arrays["source"], arrays["reference"], *(arrays[f"{branch}{_END}"] for branch in branches)]
    if len({column.shape for column in columns}) > 1 or columns[0].ndim != 1:
        return None
    rows = [tuple(map(str, row)) for row in zip(*(column.tolist() for column in columns), strict=True)]
    return Translated(f"{name}, seed {run.seed}, step {run.steps}", ("source", "truth", *branches), rows)


def as_text(found: Sequence[Translated]) -> list[str]:
    """Returns blocks of lines: of every sentence its source, the truth and the translations, one below the other."""
    blocks = []
    for one in found:
        width = max(map(len, one.header))
        lines = [f"{head.ljust(width)}  {text}" for row in one.rows for head, text in zip(one.header, row, strict=True)]
        blocks.append("\n".join([f"Translations of {one.title}", *lines]) + "\n")
    return blocks


def as_markdown(found: Sequence[Translated]) -> list[str]:
    """Returns tables."""
    blocks = []
    for one in found:
        rule = "|".join([" --- "] * len(one.header))
        rows = [" | ".join(_escaped(cell) for cell in row) for row in one.rows]
        head = [f"Translations of {one.title}:", "", f"| {' | '.join(one.header)} |", f"|{rule}|"]
        blocks.append("\n".join([*head, *(f"| {row} |" for row in rows)]) + "\n")
    return blocks


def as_html(found: Sequence[Translated]) -> list[str]:
    """Returns tables, folded up."""
    blocks = []
    for one in found:
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in one.header)
        rows = ["".join(f'<td dir="auto">{html.escape(cell)}</td>' for cell in row) for row in one.rows]
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        title = f"<summary>Translations of {html.escape(one.title)}</summary>"
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        blocks.append(f'<details>{title}<div class="scroll">{table}</div></details>')
    return blocks


def _escaped(text: str) -> str:
    """A cell of Markdown that shows a text as it is, whatever signs of Markdown or HTML it has."""
    return html.escape(_SIGNS.sub(r"\\\g<0>", text), quote=False).replace("\n", " ")
