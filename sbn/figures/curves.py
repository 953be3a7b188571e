"""Lines: measurements of runs over epochs, losses over epochs, and accuracy on filtered images over filter widths."""

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sbn.figures.labels import COLOURS, Arrays, by_name, colours, styled, titled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_DASHES = ("-", "--", ":", "-.")

Point = tuple[float, float, float, float]  # place; least, mean and most there


@styled
def draw_courses(
    courses: Mapping[str, Sequence[Point]], *, across: str, up: str, papers: Mapping[str, float]
) -> "Figure":
    """Returns one panel with the courses, and below it a legend with one line for each.

    Args:
        courses: points in ascending order, by what they are called.
        across: what the places are.
        up: what the values are.
        papers: values of the papers, by what the courses are called: dotted lines.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 3.6 + 0.19 * len(courses)), layout="constrained")
    axes = figure.subplots()
    for number, (name, course) in enumerate(courses.items()):
        places, least, mean, most = zip(*course, strict=True)
        colour, dashes = COLOURS[number % len(COLOURS)], _DASHES[number // len(COLOURS) % len(_DASHES)]
        axes.fill_between(places, least, most, color=colour, alpha=0.15, linewidth=0)
        axes.plot(places, mean, color=colour, linestyle=dashes, linewidth=1.6, label=name.replace("$", r"\$"))
        if name in papers:
            axes.axhline(papers[name], color=colour, linestyle=(0, (1, 2)), linewidth=1.2)
    axes.margins(x=0.02)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(alpha=0.3, linewidth=0.6, axis="y")
    figure.legend(loc="outside lower left")
    return figure


@styled
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
    return figure


# By what a curve is called: (epochs, values)
Curves = Mapping[str, tuple[np.ndarray, np.ndarray]]


def dotted(curves: Curves, borders: Sequence[float]) -> list[str]:
    """Returns the curves measured no more often than stages end: dots, as a line between them would be made up."""
    return [name for name, (epochs, _) in curves.items() if len(epochs) <= len(borders) + 1]


@styled
def draw_losses(panels: Mapping[str, Curves], *, borders: Mapping[str, Sequence[float]]) -> "Figure":
    """Returns a panel for every title.

    Args:
        panels: curves by the title of their panel.
        borders: epochs at which a stage ends and another begins, by title.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogFormatter, MaxNLocator

    of = colours(name for curves in panels.values() for name in curves)
    figure = Figure(figsize=(0.8 + 4.8 * len(panels), 3.8), layout="constrained")
    columns = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axes, (title, curves) in zip(columns, panels.items(), strict=True):
        dots = dotted(curves, borders.get(title, ()))
        for name, (epochs, values) in curves.items():
            style = {"marker": "o", "linestyle": ""} if name in dots else {"linewidth": 1.5}
            axes.plot(epochs, values, color=of[name], label=name, **style)
        for border in borders.get(title, ()):
            axes.axvline(border, color="0.5", linewidth=0.8, linestyle="--")
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(LogFormatter())
        axes.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1.5, 0.5)))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_title(title)
        axes.set_xlabel("epoch")
        axes.legend()
    columns[0].set_ylabel("cross-entropy (nats)")
    return figure


_DONE = {"low_pass": "kept", "high_pass": "removed"}


@styled
def draw_filtered(arrays: Arrays, *, evaluator: str) -> "Figure":
    """Returns the curves of `EVALUATOR/NAME/accuracy`, (widths,) fractions, over `EVALUATOR/widths`."""
    from matplotlib.figure import Figure

    widths = arrays[f"{evaluator}/widths"]
    order = np.argsort(widths)
    figure = Figure(figsize=(5.6, 3.8), layout="constrained")
    panel = figure.subplots()
    shown = by_name(arrays, "accuracy")
    of = colours(shown)
    for name, accuracy in shown.items():
        panel.plot(
            widths[order],
            100 * accuracy[order],
            color=of[name],
            linestyle="--" if name.startswith("mix_") else "-",
            marker="o",
            markersize=3.5,
            linewidth=1.6,
            label=titled(name),
            clip_on=False,  # markers at the ends
            zorder=3,
        )
    panel.set_xlabel(f"width B of the square of frequencies {_DONE[evaluator]}")
    panel.set_ylabel("test accuracy (%)")
    panel.set_ylim(0, 100)
    panel.set_xlim(0, widths.max())
    panel.grid(alpha=0.3, linewidth=0.6)
    panel.legend()
    images = int(arrays[f"{evaluator}/examples"])
    panel.set_title(f"{evaluator.replace('_', '-')} filter, {images:,} test images")
    return figure


low_pass = functools.partial(draw_filtered, evaluator="low_pass")
high_pass = functools.partial(draw_filtered, evaluator="high_pass")
