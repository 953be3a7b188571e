"""The format-independent content of a report: tables of one or all experiments, their runs, and what they omit."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sbn.config import beside
from sbn.config.claims import Claim
from sbn.config.errors import ConfigError, unknown
from sbn.config.readings import Choice, joined, sentence, split
from sbn.config.rows import Experiment, Row, Table
from sbn.report.collect import Found, Run
from sbn.report.conclusions import with_readings
from sbn.report.evaluated import evaluator_notes
from sbn.report.failures import Failure, failures_of
from sbn.report.first_stages import alike
from sbn.report.measures import Measure
from sbn.report.refusals import refuse
from sbn.report.tables import Line, label, make_lines, overrides_text, own_rows, stray_rows
from sbn.report.verdicts import Judged, judge_all

_SHOWN_UNFINISHED: Final = 10


@dataclasses.dataclass(frozen=True)
class Section:
    """A table of a report.

    Attributes:
        experiment: name of the experiments file.
        table: its name there.
        heading: names and title, as shown.
        lines: in the paper's order.
        runs: those shown, by the label of their row and overrides.
        content: the table itself.
        chapter: what is set above it: the paper's title over the first table of each experiment of several.
        choices: what the paper leaves open in its rows, by row.
    """

    experiment: str
    table: str
    heading: str
    lines: Sequence[Line]
    runs: Mapping[str, Sequence[Run]]
    content: Table
    chapter: str = ""
    choices: Mapping[str, Sequence[Choice]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class ReportData:
    """Format-independent report data: tables, one line about each thing that they leave out, and claims judged."""

    title: str
    sections: Sequence[Section]
    notes: Sequence[str]
    claims: Sequence[Judged] = ()


def make_report_data(
    experiments: Sequence[Experiment],
    found: Found,
    *,
    tables: Sequence[str] | None = None,
    measures: Sequence[Measure] = (),
    stages: bool = False,
) -> ReportData:
    """Returns the content of a report of `experiments`, those of papers first.

    Args:
        experiments: whose tables are meant.
        found: what lies in the folder of the runs.
        tables: names of those to show; None for all.
        measures: what to show; empty for the default of `make_lines`.
        stages: show every statistic of every stage.

    Raises:
        ConfigError: for a metric or stage that nobody has.
    """
    sections: list[Section] = []
    judged: list[Judged] = []
    notes = list(found.problems)
    experiments = sorted(experiments, key=lambda experiment: not experiment.paper)
    for experiment in experiments:
        chapter = (experiment.paper or experiment.name) if len(experiments) > 1 else ""
        own = [run for run in found.runs if run.experiment == experiment.name]
        runs, refused = refuse(experiment, own)
        failures = failures_of(experiment, found.begun)
        check_measures(measures, experiment, runs)
        notes += refused
        for name in experiment.tables if tables is None else tables:
            table = experiment.tables[name]
            lines = make_lines(name, table, runs, measures=measures, stages=stages)
            heading = f"{experiment.name}:{name}" if len(experiments) > 1 else name
            groups = _groups(name, table.rows, lines, runs)
            choices = {row: experiment.choices(f"{name}/{row}") for row in table.rows}
            told = with_readings([*_tell(name, table.rows, lines, runs, failures)], choices)
            title = f"{heading}: {table.title}"
            sections.append(Section(experiment.name, name, title, told, groups, table, chapter, choices))
            chapter = ""
            failed = [failure for failure in failures if failure.row.split("/")[0] == name]
            notes += _failed_alone(heading, failed, lines)
            notes += evaluator_notes(name, table.rows, runs) + _missing(heading, table.rows, groups, failed)
        notes += _strays(experiment, runs)
        shown = [claim for claim in experiment.claims if tables is None or _tables_of(claim) & set(tables)]
        judged += judge_all(experiment, shown, runs)
    whose = f"{experiments[0].name}: runs beside the paper's" if len(experiments) == 1 else "Runs beside the papers'"
    return ReportData(f"{whose} numbers", sections, notes + _unfinished(found.unfinished), judged)


def _tables_of(claim: Claim) -> set[str]:
    return {row.partition("/")[0] for row in claim.rows}


def told_choices(section: Section) -> list[str]:
    """Returns one line for everything that the paper leaves open in a table, with the rows that it concerns."""
    told: dict[str, list[str]] = {}
    for row, choices in section.choices.items():
        for choice in choices:
            told.setdefault(sentence(choice), []).append(row)
    every = len(section.choices)
    return [f"{line} ({'all rows' if len(rows) == every else ', '.join(rows)})" for line, rows in told.items()]


def tables_with_runs(experiment: Experiment, found: Found) -> list[str]:
    """Returns the tables that show some of the runs that were found, or of those that failed."""
    there = {run.plain_row for run in found.runs if run.experiment == experiment.name}
    there |= {split(failure.row)[0] for failure in failures_of(experiment, found.begun)}
    return [
        name
        for name, table in experiment.tables.items()
        if there & {shown for row_name, row in table.rows.items() for shown in (f"{name}/{row_name}", row.runs_of)}
    ]


def check_measures(measures: Sequence[Measure], experiment: Experiment, runs: Sequence[Run]) -> None:
    """Raises a ConfigError for a metric or stage that neither runs nor rows of `experiment` have."""
    known = {metric for run in runs for metric in run.metrics}
    rows = [row for table in experiment.tables.values() for row in table.rows.values()]
    known |= {metric for row in rows for metric in (*row.metrics, *(paper.metric for paper in row.paper))}
    stages = {stage for run in runs for stage in run.stages}
    for measure in measures:
        if measure.metric not in known:
            first, _, rest = measure.metric.partition("/")
            if (of_main := f"{first}/main/{rest}") in known:
                raise ConfigError(f"unknown metric {measure.metric!r}: a metric names its branch, as {of_main!r} does")
            raise unknown("metric", measure.metric, known)
        if measure.stage and measure.stage not in stages:
            raise unknown("stage", measure.stage, stages)


def no_runs(experiment: Experiment, found: Found) -> ConfigError:
    """Returns the error for a report of an experiment without runs."""
    others = sorted({f"{run.experiment}:{run.row}" for run in found.runs})
    there = [f"finished runs of {', '.join(others[:5])}" + ", ..." * (len(others) > 5)] if others else []
    there += [f"{len(found.unfinished)} unfinished"] if found.unfinished else []
    there += [f"{len(found.problems)} that can't be read or are there twice"] if found.problems else []
    sweep = beside.shown(f"python -m launch.sweep --experiment={experiment.argument}:TABLE")
    return ConfigError(
        f"no finished run of {experiment.name} below --root (there: {'; '.join(there) or 'nothing'}): train some "
        f"(`{sweep}`), or name a table to see its paper's numbers alone: "
        f"{', '.join(f'{experiment.name}:{table}' for table in experiment.tables)}"
    )


def _groups(
    table: str, rows: Mapping[str, Row], lines: Sequence[Line], runs: Sequence[Run]
) -> dict[str, Sequence[Run]]:
    groups: dict[str, Sequence[Run]] = {}
    for line in lines:
        own = own_rows(table, rows, line)
        groups[label(line)], _ = alike([run for run in runs if run.row in own and run.overrides == line.overrides])
    return groups


def _tell(
    table: str, rows: Mapping[str, Row], lines: Sequence[Line], runs: Sequence[Run], failures: Sequence[Failure]
) -> Iterable[Line]:
    """The lines; the first of a row and its overrides tells of seeds that failed, and of seeds without a result."""
    before = ""
    for line in lines:
        if label(line) == before:
            yield line
            continue
        before, row = label(line), rows[line.row]
        own = own_rows(table, rows, line)
        failed = [other for other in failures if other.row in own and other.overrides == line.overrides]
        notes = [f"seed {failure.seed} failed: {failure.reason}" for failure in failed]
        seeds = {run.seed for run in runs if run.row in own and run.overrides == line.overrides}
        told = seeds | {failure.seed for failure in failed}
        if seeds and row.runs and len(told) < row.runs:
            absent = [seed for seed in range(row.runs) if seed not in told][: row.runs - len(told)]
            notes.append(f"seeds without a result: {_spans(absent)}")
        yield dataclasses.replace(line, notes=(*line.notes, *notes))


def _spans(numbers: Sequence[int]) -> str:
    """Ascending numbers as text: '2, 5 to 9'."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + 1:
            spans[-1][1:] = [number]
        else:
            spans.append([number])
    return ", ".join(" to ".join(map(str, span)) for span in spans)


def _failed_alone(heading: str, failures: Sequence[Failure], lines: Sequence[Line]) -> list[str]:
    """Failed runs with overrides that no finished run has: the table has no line to tell of them."""
    shown = [(joined(line.row, line.reading), line.overrides) for line in lines]
    notes = []
    for failure in failures:
        name = failure.row.split("/")[-1]
        if (name, failure.overrides) not in shown:
            changed = f" [{overrides_text(failure.overrides)}]" if failure.overrides else ""
            notes.append(f"{heading}/{name}{changed}: seed {failure.seed} failed: {failure.reason}")
    return notes


def _missing(
    heading: str, rows: Mapping[str, Row], groups: Mapping[str, Sequence[Run]], failures: Sequence[Failure]
) -> list[str]:
    tried = {failure.row.split("/")[-1] for failure in failures if not failure.overrides}
    absent = [name for name, row in rows.items() if not (groups.get(name) or row.waits_for or name in tried)]
    waiting = [f"{heading}/{name}: waits for {row.waits_for}" for name, row in rows.items() if row.waits_for]
    return [f"{heading}: not run yet without changes: {', '.join(absent)}"] * bool(absent) + waiting


def _strays(experiment: Experiment, runs: Sequence[Run]) -> list[str]:
    in_tables = {name: row for name, row in experiment.rows().items() if "/" in name}
    return [
        f"{row}: in no table of {experiment.argument} ({count} {'run' if count == 1 else 'runs'} not shown)"
        for row, count in stray_rows(in_tables, runs).items()
    ]


def _unfinished(lines: Sequence[str]) -> list[str]:
    shown = list(lines[:_SHOWN_UNFINISHED])
    if len(lines) > len(shown):
        shown.append(f"and {len(lines) - len(shown)} more without a result yet")
    return shown
