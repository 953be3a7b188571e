"""Test accuracy by epoch as one inline SVG: a line a row, its mean over seeds, and a band from least to most."""

import html
import math
from collections.abc import Mapping, Sequence
from typing import Final

from sbn.report.collect import Run
from sbn.report.tables import DEFAULT_METRIC

_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f3c8d", "#6b6b6b")
_DASHES: Final = ("", "6 3", "2 3")
_LEFT, _TOP, _WIDTH, _HEIGHT = 62, 10, 520, 260  # of the panel; its axes' labels lie outside
_LEGEND: Final = 17  # height of a line of it

Point = tuple[float, float, float, float]  # epoch; least, mean and most accuracy, in percent


def accuracy_curves(groups: Mapping[str, Sequence[Run]], *, metric: str = DEFAULT_METRIC) -> str:
    """Returns an <svg> of `metric` by epoch of the runs of every group, or '' where none has two points.

    Args:
        groups: runs by what they are called. All are drawn by step where one did not record the steps of an epoch.
        metric: a fraction, of metrics.jsonl.
    """
    measured = [run for runs in groups.values() for run in runs if run.course(metric)]
    by_step = not all(run.steps_per_epoch for run in measured)
    found = {name: course_of(runs, metric, by_step=by_step) for name, runs in groups.items()}
    courses = {name: course for name, course in found.items() if len(course) > 1}
    if not courses:
        return ""
    last = max(course[-1][0] for course in courses.values())
    values = [value for course in courses.values() for point in course for value in point[1:]]
    ticks = nice_ticks(min(values), max(values))
    low, high = min(ticks[0], *values), max(ticks[-1], *values)

    def x(epoch: float) -> float:
        return _LEFT + _WIDTH * epoch / last

    def y(value: float) -> float:
        return _TOP + _HEIGHT * (high - value) / (high - low)

    parts = []
    for tick in ticks:
        parts.append(f'<path class="grid" d="M{_LEFT} {y(tick):.1f}h{_WIDTH}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in nice_ticks(0, last):
        if tick <= last:
            parts.append(f'<text x="{x(tick):.1f}" y="{_TOP + _HEIGHT + 18}" text-anchor="middle">{tick:g}</text>')
    foot = _TOP + _HEIGHT
    parts.append(f'<path class="axis" d="M{_LEFT} {_TOP}v{_HEIGHT}h{_WIDTH}"/>')
    parts.append(
        f'<text x="{_LEFT + _WIDTH / 2}" y="{foot + 36}" text-anchor="middle">{"step" if by_step else "epoch"}</text>'
    )
    middle = _TOP + _HEIGHT / 2
    turned = f'text-anchor="middle" transform="rotate(-90 12 {middle})"'
    parts.append(f'<text x="12" y="{middle}" {turned}>{html.escape(metric)} (%)</text>')
    for number, (name, course) in enumerate(courses.items()):
        colour, dash = _COLOURS[number % len(_COLOURS)], _DASHES[number // len(_COLOURS) % len(_DASHES)]
        mean = " ".join(f"{x(epoch):.1f},{y(value):.1f}" for epoch, _, value, _ in course)
        band = [(epoch, most) for epoch, _, _, most in course] + [(epoch, least) for epoch, least, _, _ in course[::-1]]
        drawn = " ".join(f"{x(epoch):.1f},{y(value):.1f}" for epoch, value in band)
        title = f"<title>{html.escape(name)}</title>"
        below = foot + 58 + _LEGEND * number
        stroke = f'stroke="{colour}" stroke-dasharray="{dash}"'
        parts.append(f'<polygon points="{drawn}" fill="{colour}" opacity="0.15">{title}</polygon>')
        parts.append(f'<polyline points="{mean}" fill="none" stroke-width="1.8" {stroke}>{title}</polyline>')
        parts.append(f'<path d="M{_LEFT} {below - 4}h24" stroke-width="2.5" {stroke}/>')
        parts.append(f'<text x="{_LEFT + 32}" y="{below}">{html.escape(name)}</text>')
    height = foot + 58 + _LEGEND * len(courses)
    box = f'viewBox="0 0 {_LEFT + _WIDTH + 14} {height}" role="img" aria-label="{html.escape(metric)} by epoch"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" class="curves" {box}>{"".join(parts)}</svg>'


def course_of(runs: Sequence[Run], metric: str, *, by_step: bool = False) -> list[Point]:
    """Returns the course of `metric` over `runs`, by epoch or by step; a point has those measured and finite there."""
    found: dict[float, list[float]] = {}
    for run in runs:
        for step, value in run.course(metric).items():
            if math.isfinite(value):
                at = step / (1 if by_step else run.steps_per_epoch or 1)
                found.setdefault(at, []).append(100 * value)
    return [(at, min(values), math.fsum(values) / len(values), max(values)) for at, values in sorted(found.items())]


def nice_ticks(low: float, high: float) -> list[float]:
    """Returns 3 to 7 round numbers, evenly apart, that `low` and `high` lie between."""
    if high - low < 1e-3:  # a level line has room above and below
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return [round(step * k, 10) for k in range(math.floor(low / step), math.ceil(high / step) + 1)]
