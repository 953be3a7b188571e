"""Losses by epoch on a log axis, a panel a run, with lines where stages end (He et al. 2019, Figure 1)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sbn.figures.outcomes import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# By what a curve is called: (epochs, values)
Curves = Mapping[str, tuple[np.ndarray, np.ndarray]]


def dotted(curves: Curves, borders: Sequence[float]) -> list[str]:
    """Returns the curves measured no more often than stages end: dots, as a line between them would be made up."""
    return [name for name, (epochs, _) in curves.items() if len(epochs) <= len(borders) + 1]


def draw(panels: Mapping[str, Curves], *, borders: Mapping[str, Sequence[float]]) -> "Figure":
    """Returns a panel for every title.

    Args:
        panels: curves by the title of their panel.
        borders: epochs at which a stage ends and another begins, by title.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogFormatter, MaxNLocator

    names = list(dict.fromkeys(name for curves in panels.values() for name in curves))
    figure = Figure(figsize=(0.8 + 4.8 * len(panels), 3.8), layout="constrained")
    columns = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axes, (title, curves) in zip(columns, panels.items(), strict=True):
        dots = dotted(curves, borders.get(title, ()))
        for name, (epochs, values) in curves.items():
            style = {"marker": "o", "linestyle": ""} if name in dots else {"linewidth": 1.5}
            axes.plot(epochs, values, color=COLOURS[names.index(name) % len(COLOURS)], label=name, **style)
        for border in borders.get(title, ()):
            axes.axvline(border, color="0.5", linewidth=0.8, linestyle="--")
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(LogFormatter())
        axes.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1.5, 0.5)))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("epoch")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    columns[0].set_ylabel("cross-entropy (nats)")
    return figure
