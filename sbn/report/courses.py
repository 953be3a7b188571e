"""A metric over epochs: what is drawn of every row, its mean over seeds and a band from the least to the most."""

import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sbn.figures import curves
from sbn.report.collect import Run
from sbn.report.measures import shown_scale
from sbn.report.tables import DEFAULT_METRIC

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_courses(
    groups: Mapping[str, Sequence[Run]], *, metric: str = DEFAULT_METRIC, papers: Mapping[str, float] | None = None
) -> "Figure | None":
    """Returns a figure of `metric` by epoch of the runs of every group; None where no group has two points.

    Args:
        groups: runs by what they are called. All are drawn by step where one did not record the steps of an epoch.
        metric: of metrics.jsonl.
        papers: the papers' values, as shown, of groups that may be compared with them.
    """
    measured = [run for runs in groups.values() for run in runs if run.course(metric)]
    by_step = not all(run.steps_per_epoch for run in measured)
    found = {name: course_of(runs, metric, by_step=by_step) for name, runs in groups.items()}
    courses = {name: course for name, course in found.items() if len(course) > 1}
    if not courses:
        return None
    return curves.draw_courses(
        courses,
        across="step" if by_step else "epoch",
        up=f"{metric} (%)" if shown_scale(metric) == 100 else metric,
        papers=papers or {},
    )


def course_of(runs: Sequence[Run], metric: str, *, by_step: bool = False) -> list[curves.Point]:
    """Returns the course of `metric` over `runs`, by epoch or by step, fractions in percent.

    A point has the values that are finite there, one per run: where a run was evaluated again, what training measured.
    """
    found: dict[float, list[float]] = {}
    for run in runs:
        for step, value in run.course(metric).items():
            if value is not None and math.isfinite(value):
                at = step / (1 if by_step else run.steps_per_epoch or 1)
                found.setdefault(at, []).append(shown_scale(metric) * value)
    return [(at, min(values), math.fsum(values) / len(values), max(values)) for at, values in sorted(found.items())]


def mean_course(runs: Sequence[Run], metric: str, *, running: bool) -> tuple[np.ndarray, np.ndarray]:
    """Returns epochs, and means of the runs' finite values there; of a running metric the means over whole epochs."""
    found: dict[float, dict[pathlib.Path, float]] = {}
    for run in runs:
        values = {step: value for step, value in run.course(metric).items() if math.isfinite(value)}
        for epoch, value in _by_epoch(values, run, running=running).items():
            found.setdefault(epoch, {})[run.path] = value
    epochs = sorted(found)
    return np.array(epochs), np.array([np.mean(list(found[epoch].values())) for epoch in epochs])


def _by_epoch(values: Mapping[int, float], run: Run, *, running: bool) -> dict[float, float]:
    """{step: value} as {epoch: value}; a running value is the mean of all steps since the one before it."""
    per_epoch = run.steps_per_epoch or 1
    if not running:
        return {step / per_epoch: value for step, value in values.items()}
    spans: dict[float, list[tuple[float, int]]] = {}
    before = min((start for start, _ in run.stages.values()), default=0)
    for step, value in values.items():
        spans.setdefault(float(math.ceil(step / per_epoch)), []).append((value, step - before))
        before = step
    return {
        epoch: sum(value * steps for value, steps in lines) / sum(steps for _, steps in lines)
        for epoch, lines in spans.items()
    }
