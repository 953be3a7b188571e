"""A number over epochs or other places: its mean over runs, and how far these are apart, as bands or as bars."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sbn.figures.outcomes import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DASHES = ("-", "--", ":", "-.")

Point = tuple[float, float, float, float]  # place; least, mean and most there


def draw(courses: Mapping[str, Sequence[Point]], *, across: str, up: str) -> "Figure":
    """Returns one panel with the courses, and below it a legend with one line for each.

    Args:
        courses: points in ascending order, by what they are called.
        across: what the places are.
        up: what the values are.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 3.6 + 0.19 * len(courses)), layout="constrained")
    axes = figure.subplots()
    for number, (name, course) in enumerate(courses.items()):
        places, least, mean, most = zip(*course, strict=True)
        colour, dashes = COLOURS[number % len(COLOURS)], _DASHES[number // len(COLOURS) % len(_DASHES)]
        axes.fill_between(places, least, most, color=colour, alpha=0.15, linewidth=0)
        axes.plot(places, mean, color=colour, linestyle=dashes, linewidth=1.6, label=name.replace("$", r"\$"))
    axes.set_xlim(left=0)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(alpha=0.3, linewidth=0.6, axis="y")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower left", frameon=False, fontsize=8)
    return figure


def draw_ranges(values: Mapping[float, Sequence[float]], *, across: str, up: str) -> "Figure":
    """Returns one line of means over runs, with a bar from the least to the most at every place.

    Args:
        values: of the runs, by place.
        across: what the places are.
        up: what the values are.
    """
    from matplotlib.figure import Figure

    places = sorted(values)
    mean, least, most = (np.array([part(values[place]) for place in places]) for part in (np.mean, np.min, np.max))
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.errorbar(places, mean, yerr=[mean - least, most - mean], color=COLOURS[0], marker="o", markersize=4, capsize=3)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(alpha=0.3, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
