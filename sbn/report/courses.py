"""A metric over epochs: what is drawn of every row, its mean over seeds and a band from the least to the most."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sbn.figures import curves
from sbn.report.collect import Run
from sbn.report.measures import shown_scale
from sbn.report.tables import DEFAULT_METRIC

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_courses(groups: Mapping[str, Sequence[Run]], *, metric: str = DEFAULT_METRIC) -> "Figure | None":
    """Returns a figure of `metric` by epoch of the runs of every group; None where no group has two points.

    Args:
        groups: runs by what they are called. All are drawn by step where one did not record the steps of an epoch.
        metric: of metrics.jsonl.
    """
    measured = [run for runs in groups.values() for run in runs if run.course(metric)]
    by_step = not all(run.steps_per_epoch for run in measured)
    found = {name: course_of(runs, metric, by_step=by_step) for name, runs in groups.items()}
    courses = {name: course for name, course in found.items() if len(course) > 1}
    if not courses:
        return None
    return curves.draw_courses(
        courses, across="step" if by_step else "epoch", up=f"{metric} (%)" if shown_scale(metric) == 100 else metric
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
