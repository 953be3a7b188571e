"""A forest plot: one line for each effect, with its interval, beside the line of no effect."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sbn.figures.labels import styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SAID = {"shown": "#2a7f3f", "opposite": "#c0392b"}
_OPEN = "#666666"
_LINE = 74  # characters of a line of text: longer ones leave little room for what is drawn


class Effect(NamedTuple):
    """One line of the plot.

    Attributes:
        text: beside it.
        mean: of the seeds; None where there are none yet.
        interval: around it; None where there is none.
        seeds: the effect in each.
        said: the verdict, or what stands in its place.
        paper: the effect that the paper prints; None for none.
    """

    text: str
    mean: float | None
    interval: tuple[float, float] | None
    seeds: Sequence[float]
    said: str
    paper: float | None = None


@styled
def draw_forest(panels: Mapping[str, Sequence[Effect]]) -> "Figure":
    """Returns a panel for every unit: effects of one unit can be compared by eye, and others can't.

    Args:
        panels: the effects by what they are measured in. Small dots are seeds, a cross is what the paper prints.
    """
    from matplotlib.figure import Figure

    heights = [len(effects) + 1.2 for effects in panels.values()]
    figure = Figure(figsize=(10, 0.8 + 0.42 * sum(heights)), layout="constrained")
    grid = figure.subplots(len(panels), squeeze=False, height_ratios=heights)[:, 0]
    for axes, (unit, effects) in zip(grid, panels.items(), strict=True):
        axes.axvline(0, color="black", linewidth=0.8)
        for place, effect in enumerate(effects):
            colour = _SAID.get(effect.said, _OPEN)
            axes.plot(effect.seeds, [place] * len(effect.seeds), ".", color=colour, alpha=0.4, markersize=4)
            if effect.interval is not None:
                axes.plot(effect.interval, [place, place], "-", color=colour, linewidth=2)
            if effect.mean is not None:
                axes.plot([effect.mean], [place], "s", color=colour, markersize=5)
            if effect.paper is not None:
                axes.plot([effect.paper], [place], "x", color="black", markersize=6)
        texts = [textwrap.fill(f"{effect.text}: {effect.said}", _LINE) for effect in effects]
        axes.set_yticks(range(len(effects)), texts, fontsize=7)
        axes.set_ylim(len(effects) - 0.4, -0.6)
        axes.set_xlabel(unit, fontsize=8)
    return figure
