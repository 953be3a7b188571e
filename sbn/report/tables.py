"""The arithmetic of a report: a table and runs in, lines of numbers out."""

import dataclasses
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sbn.config.rows import Paper, Row, Table
from sbn.report.collect import Run
from sbn.report.first_stages import alike
from sbn.report.measures import Measure, length, measured, of_every_stage, parse

# Shown beside the paper's own metrics wherever runs have them: the other branch, and both together.
EXTRA_METRICS: Final = ("test/aux/accuracy", "test/mix_0.5/accuracy")
DEFAULT_METRIC: Final = "test/main/accuracy"  # of rows for which no paper names one

_RELEASED, _GENERATED = "corrupted/", "corrupted_generated/"  # the benchmark's images, and ones made here
_FRACTIONS = {"affinity", "uce", "mce", "relative_mce", "ce", "relative_ce"}


@dataclasses.dataclass(frozen=True)
class Line:
    """One metric of one row, or of a row with overrides. Accuracies and errors are in percent.

    Attributes:
        row: its name within the table.
        overrides: what these runs changed in the row.
        measure: the metric, and what of its course.
        mean: over the finite runs; None without any.
        std: sample standard deviation (ddof = 1); None below two runs.
        runs: how many are in the mean.
        asked: how many seeds the paper used.
        paper: what the paper says of this metric.
        difference: ours minus the paper's, in points.
        where: where the row stands in the paper.
        notes: what must be known about the number: diverged runs, runs without it, runs of unequal length or beginning.
    """

    row: str
    overrides: Mapping[str, Any]
    measure: Measure
    mean: float | None
    std: float | None
    runs: int
    asked: int
    paper: Paper | None
    difference: float | None
    where: str
    notes: tuple[str, ...]


def overrides_text(overrides: Mapping[str, Any]) -> str:
    """Returns overrides as on a command line, by name."""
    return ", ".join(f"{name}={value}" for name, value in sorted(overrides.items()))


def label(line: Line) -> str:
    """Returns the row's name, marked with what its runs changed in it."""
    changed = overrides_text(line.overrides)
    return f"{line.row} [{changed}]" if changed else line.row


def make_lines(
    name: str, table: Table, runs: Sequence[Run], *, measures: Sequence[Measure] = (), stages: bool = False
) -> list[Line]:
    """Returns the lines of a table, in its order; a row without runs has its lines as well.

    Args:
        name: the table's; runs belong to a row by 'name/row'.
        table: its rows.
        runs: of its experiment; those of other tables are passed over, unless a row shows runs of another.
        measures: what to show; empty for the paper's, the row's and, where runs have them, EXTRA_METRICS.
        stages: show every statistic of every stage, of the metrics that would be shown.
    """
    in_percent = {paper.metric for row in table.rows.values() for paper in row.paper}
    lines = []
    for row_name, row in table.rows.items():
        own = {f"{name}/{row_name}", row.runs_of} - {""}
        others = {paper.of for paper in row.paper} - {""}
        for overrides, group in _variants([run for run in runs if run.row in own | others]):
            mine = [run for run in group if run.row in own]
            chosen = list(measures or _default_measures(row, mine, bool(overrides)))
            if stages:
                metrics = dict.fromkeys(measure.metric for measure in chosen)
                # of runs that recorded no stages, and of rows without runs, what is shown otherwise
                chosen = [measure for metric in metrics for measure in of_every_stage(metric, mine)] or chosen
            for measure in chosen:
                paper = _paper(row, measure)
                there = [run for run in group if run.row == paper.of] if paper and paper.of else mine
                fraction = measure.metric in in_percent or is_fraction(measure.metric)
                scale = paper.scale if paper and paper.scale is not None else 100.0 if fraction else 1.0
                lines.append(_line(row_name, row, there, measure, paper=paper, scale=scale, overrides=overrides))
    return lines


def _variants(runs: Sequence[Run]) -> list[tuple[Mapping[str, Any], list[Run]]]:
    """Runs by what they changed in their rows; first those, be there any or not, that changed nothing."""
    groups: dict[str, list[Run]] = {"{}": []}
    for run in runs:
        groups.setdefault(json.dumps(run.overrides, sort_keys=True), []).append(run)
    plain = groups.pop("{}")
    return [({}, plain), *((groups[key][0].overrides, groups[key]) for key in sorted(groups))]


def measure_of(paper: Paper) -> Measure:
    """Returns what the paper's number is to be compared with."""
    return Measure(paper.metric, paper.stage, paper.statistic)


def _paper(row: Row, measure: Measure) -> Paper | None:
    """What the paper says of a measure; of generated images, what it says of the benchmark's."""
    released = dataclasses.replace(measure, metric=measure.metric.replace(_GENERATED, _RELEASED))
    return next((paper for paper in row.paper if measure_of(paper) == released), None)


def is_fraction(metric: str) -> bool:
    """Whether runs hold `metric` ('split/branch/metric[/detail]') as a fraction, to be shown in percent."""
    return any(part in _FRACTIONS or "accuracy" in part or "error" in part for part in metric.split("/")[2:3])


def stray_rows(experiment_rows: Mapping[str, Row], runs: Sequence[Run]) -> dict[str, int]:
    """Counts the runs of rows that stand in no table: renamed ones, and the base config. By row."""
    stray: dict[str, int] = {}
    for run in runs:
        if run.row not in experiment_rows:
            stray[run.row] = stray.get(run.row, 0) + 1
    return stray


def _default_measures(row: Row, own: Sequence[Run], changed: bool) -> list[Measure]:
    """What to show of a row, or, `changed`, of one with overrides, of which nothing is shown that nobody measured."""
    there = {metric for run in own for metric in run.metrics}
    named = [measure_of(paper) for paper in row.paper if own or paper.of or not changed]
    if own or not changed:
        named = list(dict.fromkeys([*named, *map(parse, row.metrics)])) or [Measure(DEFAULT_METRIC)]
    shown = {measure.metric for measure in named}
    named += [Measure(metric) for metric in EXTRA_METRICS if metric in there and metric not in shown]
    return [
        dataclasses.replace(measure, metric=found)
        for measure in named
        for found in _released_or_generated(measure.metric, there)
    ]


def _released_or_generated(metric: str, there: set[str]) -> list[str]:
    """A metric of corrupted images, and that of generated ones where runs have it."""
    twin = metric.replace(_RELEASED, _GENERATED, 1) if metric.startswith(_RELEASED) else metric
    if twin == metric or twin not in there:
        return [metric]
    return [metric, twin] if metric in there else [twin]


def _line(
    name: str,
    row: Row,
    group: Sequence[Run],
    measure: Measure,
    *,
    paper: Paper | None,
    scale: float,
    overrides: Mapping[str, Any],
) -> Line:
    began, told = alike(group)
    lengths = {steps for run in began if (steps := length(run, measure.stage)) is not None}
    short = [run for run in began if length(run, measure.stage) in lengths - {max(lengths)}] if lengths else []
    counted = [run for run in began if run not in short]
    found = [measured(run, measure) for run in counted]
    values = [value * scale for value, _ in found if value is not None]
    finite = [value for value in values if math.isfinite(value)]
    diverged = [run.seed for run, (v, _) in zip(counted, found, strict=True) if v is not None and not math.isfinite(v)]
    notes = list(dict.fromkeys([*told, *(note for _, note in found if note)]))
    if diverged:
        notes.append(f"{len(diverged)} of {len(values)} diverged, not in the mean: {_seeds(diverged)}")
    if len(values) < len(found):
        notes.append(f"{len(found) - len(values)} of {len(group)} without this number")
    if short:
        what = f"stage {measure.stage}" if measure.stage else "run"
        said = f"{_seeds([run.seed for run in short])} ({', '.join(map(str, sorted(lengths)))} steps)"
        notes.append(f"{len(short)} of {len(group)} with a shorter {what}, not in the mean: {said}")
    if measure.metric.startswith(_GENERATED) and paper:
        notes.append("generated images, not the benchmark's")
    if paper and paper.of:
        notes.append(f"of {paper.of}")
    evaluated = {run.evaluated.get(measure.metric, "") for run in group} - {""}
    notes += [f"evaluated with {changed}" for changed in sorted(evaluated)]
    mean = statistics.fmean(finite) if finite else None
    std = statistics.stdev(finite) if len(finite) > 1 else None
    difference = mean - paper.value if mean is not None and paper else None
    return Line(
        row=name,
        overrides=overrides,
        measure=measure,
        mean=mean,
        std=std,
        runs=len(finite),
        asked=row.runs,
        paper=paper,
        difference=difference,
        where=row.where,
        notes=tuple(notes),
    )


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, sorted(seeds)))}"
