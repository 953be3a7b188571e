"""The arithmetic of a report: computes the lines of a table from its runs."""

import dataclasses
import json
import math
import re
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sbn.config.metric_kinds import base_name
from sbn.config.readings import joined
from sbn.config.rows import Paper, Row, Table
from sbn.report.collect import Run
from sbn.report.first_stages import alike
from sbn.report.measures import Measure, length, measure_of, measured, of_every_stage, parse, shown_scale

DEFAULT_METRIC: Final = "test/main/accuracy"  # of rows for which no paper names one
_BESIDE: Final = ("aux", "mix_0.5")  # shown beside the main branch where runs have them: the other, and both together

_RELEASED, _GENERATED = "corrupted/", "corrupted_generated/"  # the benchmark's images, and ones made here


@dataclasses.dataclass(frozen=True)
class Line:
    """One metric of one row, or of a row with overrides; fractions are in percent.

    Attributes:
        row: its name within the table.
        overrides: what these runs changed in the row.
        measure: the metric, and what of its course.
        mean: over the finite runs; None without any.
        std: sample standard deviation (ddof = 1); None below two runs.
        runs: how many are in the mean.
        asked: how many seeds the paper used; None where it does not say.
        paper: what the paper says of this metric.
        difference: ours minus the paper's; None without either, and where runs differ in more than the method.
        where: where the row stands in the paper.
        notes: what must be known about the number: diverged runs, runs without it, runs of unequal length or beginning.
        reading: which other readings than the row takes the runs are in, 'one+other'; '' for none.
        values: what is in the mean, by seed.
    """

    row: str
    overrides: Mapping[str, Any]
    measure: Measure
    mean: float | None
    std: float | None
    runs: int
    asked: int | None
    paper: Paper | None
    difference: float | None
    where: str
    notes: tuple[str, ...]
    reading: str = ""
    values: Mapping[int, float] = dataclasses.field(default_factory=dict)


def overrides_text(overrides: Mapping[str, Any]) -> str:
    """Returns overrides as on a command line, by name."""
    return ", ".join(f"{name}={value}" for name, value in sorted(overrides.items()))


def label(line: Line) -> str:
    """Returns the row's name with the reading of its runs and, in brackets, their overrides."""
    changed = overrides_text(line.overrides)
    name = joined(line.row, line.reading)
    return f"{name} [{changed}]" if changed else name


def own_rows(table: str, rows: Mapping[str, Row], line: Line) -> set[str]:
    """Returns the full names of the rows whose runs a line is of, in its reading."""
    return {joined(row, line.reading) for row in (f"{table}/{line.row}", rows[line.row].runs_of) if row}


def make_lines(
    name: str, table: Table, runs: Sequence[Run], *, measures: Sequence[Measure] = (), stages: bool = False
) -> list[Line]:
    """Returns the lines of a table, in its order; a row without runs has its lines as well.

    Args:
        name: the table's; runs belong to a row by 'name/row'.
        table: its rows.
        runs: of its experiment; those of other tables are passed over, unless a row shows runs of another.
        measures: what to show; empty for the paper's, the row's and, where runs have them, those of other branches.
        stages: show every statistic of every stage, of the metrics that would be shown.
    """
    papers = [paper for row in table.rows.values() for paper in row.paper]
    scales = {paper.metric: paper.scale for paper in papers if paper.scale is not None}
    named = {shown for own, row in table.rows.items() for shown in (f"{name}/{own}", row.runs_of)}
    main = main_metric(table, [run for run in runs if run.plain_row in named])
    lines = []
    for row_name, row in table.rows.items():
        own = {f"{name}/{row_name}", row.runs_of} - {""}
        others = {paper.of for paper in row.paper} - {""}
        for reading, overrides, group in _variants([run for run in runs if run.plain_row in own | others]):
            mine = [run for run in group if run.plain_row in own]
            if reading and not mine:
                continue  # another row's reading
            chosen = list(measures or _default_measures(row, mine, main, bool(overrides or reading)))
            if stages:
                metrics = {measure.metric: measure for measure in chosen}
                # of runs that recorded no stages, and of rows without runs, what is shown otherwise
                chosen = [measure for every in metrics.values() for measure in of_every_stage(every, mine)] or chosen
            for measure in chosen:
                paper = _paper(row, measure)
                if paper and paper.of and reading:
                    continue  # it is of the row as it stands
                there = [run for run in group if run.plain_row == paper.of] if paper and paper.of else mine
                scale = paper.scale if paper and paper.scale is not None else scales.get(measure.metric)
                scale = shown_scale(measure.metric) if scale is None else scale
                line = _line(row_name, row, there, measure, paper=paper, scale=scale, overrides=overrides)
                lines.append(dataclasses.replace(line, reading=reading))
    return lines


def _variants(runs: Sequence[Run]) -> list[tuple[str, Mapping[str, Any], list[Run]]]:
    """Runs by reading and by what they changed in their rows; first those, be there any or not, as the row stands."""
    groups: dict[tuple[str, str], list[Run]] = {("{}", ""): []}
    for run in runs:
        groups.setdefault((json.dumps(run.overrides, sort_keys=True), run.reading), []).append(run)
    plain = groups.pop(("{}", ""))
    return [("", {}, plain), *((key[1], groups[key][0].overrides, groups[key]) for key in sorted(groups))]


def main_metric(table: Table, runs: Sequence[Run]) -> str:
    """Returns what rows of a table show for which no paper names a metric, and what is drawn over epochs.

    It is DEFAULT_METRIC where a paper's number or a run has it; else what most numbers of the table are; else what most
    rows name first, of what the runs measured; else the first of it on the test split that is no loss.
    """
    papers = [paper.metric for row in table.rows.values() for paper in row.paper if not paper.of]
    there = dict.fromkeys(metric for run in runs for metric in run.metrics)
    if DEFAULT_METRIC in papers or (DEFAULT_METRIC in there and not papers):
        return DEFAULT_METRIC
    if papers:
        return statistics.mode(papers)
    named = [parse(row.metrics[0]).metric for row in table.rows.values() if row.metrics]
    if named := [metric for metric in named if metric in there]:
        return statistics.mode(named)
    tested = [metric for metric in there if metric.startswith("test/") and metric.count("/") == 2]
    return next((metric for metric in tested if base_name(metric) != "loss"), [*tested, DEFAULT_METRIC][0])


def _paper(row: Row, measure: Measure) -> Paper | None:
    """What the paper says of a measure; of generated images, what it says of the benchmark's."""
    released = dataclasses.replace(measure, metric=measure.metric.replace(_GENERATED, _RELEASED))
    return next((paper for paper in row.paper if measure_of(paper) == released), None)


def stray_rows(experiment_rows: Mapping[str, Row], runs: Sequence[Run]) -> dict[str, int]:
    """Counts, by row, the runs of rows that are in no table: renamed rows, and the base config."""
    stray: dict[str, int] = {}
    for run in runs:
        if run.plain_row not in experiment_rows:
            stray[run.row] = stray.get(run.row, 0) + 1
    return stray


def _default_measures(row: Row, own: Sequence[Run], main: str, changed: bool) -> list[Measure]:
    """What to show of a row, or, `changed`, of one with overrides, of which nothing is shown that nobody measured."""
    there = {metric for run in own for metric in run.metrics}
    named = [measure_of(paper) for paper in row.paper if own or paper.of or not changed]
    if own or not changed:
        named = list(dict.fromkeys([*named, *map(parse, row.metrics)])) or [Measure(main)]
    shown = {measure.metric for measure in named}
    beside = [
        re.sub(r"^test/\w+/", f"test/{branch}/", metric) for metric in (DEFAULT_METRIC, main) for branch in _BESIDE
    ]
    # and each with averaged weights, where runs kept an average of them
    beside += [re.sub(r"^test/", "test_ema/", metric) for metric in (DEFAULT_METRIC, main, *beside)]
    named += [Measure(metric) for metric in dict.fromkeys(beside) if metric in there and metric not in shown]
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
    values = {run.seed: v * scale for run, (v, _) in zip(counted, found, strict=True) if v is not None}
    by_seed = {seed: value for seed, value in sorted(values.items()) if math.isfinite(value)}
    finite = list(by_seed.values())
    diverged = [seed for seed, value in values.items() if not math.isfinite(value)]
    repeated = [note for run in group for note in run.repeated]
    notes = list(dict.fromkeys([*told, *repeated, *(note for _, note in found if note)]))
    if diverged:
        notes.append(f"{len(diverged)} of {len(values)} diverged, not in the mean: {_seeds(diverged)}")
    if len(values) < len(found):
        notes.append(f"{len(found) - len(values)} of {len(group)} without this number")
    if short:
        what = f"stage {measure.stage}" if measure.stage else "run"
        said = f"{_seeds([run.seed for run in short])} ({', '.join(map(str, sorted(lengths)))} steps)"
        notes.append(f"{len(short)} of {len(group)} with a shorter {what}, not in the mean: {said}")
    apart = _apart(overrides)
    if measure.metric.startswith(_GENERATED) and paper:
        apart.append("images (generated, not the benchmark's)")
    if apart and paper and counted:
        notes.append(f"other {', '.join(apart)}: not compared with the paper's number")
    if paper and paper.of:
        notes.append(f"of {paper.of}")
    evaluated = {run.evaluated.get(measure.metric, "") for run in group} - {""}
    notes += [f"evaluated with {changed}" for changed in sorted(evaluated)]
    mean = statistics.fmean(finite) if finite else None
    std = statistics.stdev(finite) if len(finite) > 1 else None
    difference = mean - paper.value if mean is not None and paper and not apart else None
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
        values=by_seed,
    )


# What the first part of a key says, where it is changed, that a run is too different from its row to stand beside the
# paper's number: it is no other way to do the same.
_APART: Final = {"task": "task", "data": "data", "model": "network", "duration": "duration", "stages": "stages"}


def _apart(overrides: Mapping[str, Any]) -> list[str]:
    """What the runs have of their own that the paper's number is not about: data, network, duration."""
    own = [re.sub(r"^stage\.\w+\.", "", name).split(".")[0] for name in overrides]
    return [word for part, word in _APART.items() if part in own]


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, sorted(seeds)))}"
