"""The page of a paper: every row with the paper's number, what runs reached, its command, and what is left open."""

import html
import itertools
from collections.abc import Sequence
from functools import cache

from measurements import ROOT

from sbn.config import beside, command_line
from sbn.config.readings import joined
from sbn.config.rows import Experiment, Row, Table
from sbn.list import paper_numbers
from sbn.report.collect import Found, find_runs
from sbn.report.formats import spread
from sbn.report.measures import parse
from sbn.report.report_data import Section, make_report_data
from sbn.report.shortened import Names, names
from sbn.report.tables import Line, label

NOT_RUN = "not run"
_ABOUT = """\
One command runs a row; the report prints its result beside the paper's. *result* is the mean ± the sample standard
deviation over the seeds that were run, with a link to the page about these runs. They are far smaller than the
paper's: compare the order of the rows and the signs of differences, not the numbers. A name after `@` is the reading
of runs that read the paper in another way than the row does now."""


def rows_page(experiment: Experiment) -> str:
    """Every row of a paper: the paper's number, what runs reached, the command, and what the paper leaves open."""
    sections = make_report_data([experiment], _found()).sections
    lines = [f"# {experiment.paper}", "", _ABOUT, ""]
    for section in sections:
        lines += [f"## {section.table}: {escaped(section.content.title)}", "", *_table(experiment, section), ""]
        lines += _open(experiment, section.table, section.content)
    return "\n".join(lines)


@cache
def _found() -> Found:
    return find_runs(ROOT / "results")


def _table(experiment: Experiment, section: Section) -> list[str]:
    lines = ["| row | paper | result | where | command |", "| --- | --- | --- | --- | --- |"]
    short = names(section.lines, longest=0)
    for name, row in section.content.rows.items():
        own = [line for line in section.lines if line.row == name]
        cells = [
            f"`{name}`",
            paper_numbers(row),
            result(section, row, own, short),
            escaped(row.where),
            _command(experiment, f"{section.table}/{name}", row),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    explained = short.explained.items()
    return [*lines, *(line for mark, text in explained for line in ("", f"{escaped(mark)} changed: `{text}`"))]


def result(section: Section, row: Row, lines: Sequence[Line], short: Names) -> str:
    """Returns what the runs of a row reached, all of its lines given, for each variant that was run."""
    told = []
    for name, group in itertools.groupby(lines, key=label):
        own = list(group)
        if all(line.mean is None for line in own):
            continue
        first, runs = own[0], section.runs[name]
        marks = ", ".join(filter(None, short.parts(first)))
        folder = runs[0].path.relative_to(ROOT / "results").parts[0]
        seeds = f"{len(runs)} seed{'s' * (len(runs) != 1)}"
        about = [f"[{seeds}](../results/{folder}/README.md)"] + [f"`{joined('', first.reading)}`"] * bool(first.reading)
        about += [escaped(marks)] * bool(marks)
        told.append(f"{_numbers(row, own)} ({', '.join(about)})")
    return "; ".join(told) or NOT_RUN


def _numbers(row: Row, lines: Sequence[Line]) -> str:
    """The numbers that the paper has, in its order, `78.95 → 80.85` of stages; else our first one, with its name."""
    own = [line for line in lines if line.paper]
    if any(line.mean is not None for line in own):
        said = spread(own[0].mean, own[0].std)
        for before, line in itertools.pairwise(own):
            later = line.measure.stage and line.measure.metric == before.measure.metric
            said += f"{' → ' if later else ', '}{spread(line.mean, line.std)}"
        return said
    shown = {parse(text) for text in row.metrics}  # of a row that is evaluated apart, other numbers are another row's
    ours = [line for line in lines if line.mean is not None and (line.measure in shown or not row.evals)]
    if own or not ours:
        return "trained, not evaluated"
    return f"{spread(ours[0].mean, ours[0].std)} `{ours[0].measure.text}`"


def _command(experiment: Experiment, name: str, row: Row) -> str:
    if row.waits_for:
        return f"can't be run yet: waits for {escaped(row.waits_for)}"
    if row.runs_of:
        evaluated = f", evaluated by {', '.join(f'`{each}`' for each in row.evals)}" if row.evals else ""
        return f"the runs of `{row.runs_of}`{evaluated}"
    needed = experiment.needed(name, root="runs", seed=0)
    words = beside.shown(command_line.command(experiment.name, name, needed)).split(" --")
    return " ".join(
        f'<code class="whole">{html.escape(word)}</code>' for word in [words[0], *map("--{}".format, words[1:])]
    )


def _open(experiment: Experiment, name: str, table: Table) -> list[str]:
    """What the paper leaves open in a table, once for all of its rows."""
    choices = {choice.name: choice for row in table.rows for choice in experiment.choices(f"{name}/{row}")}
    if not choices:
        return []
    lines = [
        "**What the paper leaves open**",
        "",
        "| choice | the paper says | taken | why | others |",
        "| --- | --- | --- | --- | --- |",
    ]
    for choice in choices.values():
        others = ", ".join(f"`@{reading}`" for reading in choice.others) or "–"
        cells = [choice.name, escaped(choice.says), f"`{choice.takes}`", escaped(choice.why), others]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def escaped(text: str) -> str:
    """Text as it stands: no column of a table ends in it, and no tag or link begins."""
    for mark in "\\|*_<[":
        text = text.replace(mark, f"\\{mark}" if mark != "<" else "&lt;")
    return text
