"""Bars: one per augmentation pipeline (Affinity, Diversity), and groups of our runs beside the numbers of a paper."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sbn.figures.labels import COLOURS, Arrays, by_name, titled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_bars(arrays: Arrays, *, metric: str, label: str, scale: float) -> "Figure":
    """Draws `SPLIT/PREDICTION/METRIC` (pipelines,) or (pipelines, draws) as bars, the range over draws as whiskers.

    Args:
        arrays: by name, among them `SPLIT/pipelines`.
        metric: the arrays to draw.
        label: of the axis.
        scale: what the values are multiplied by.
    """
    from matplotlib.figure import Figure

    (pipelines,) = (value for name, value in arrays.items() if name.endswith("/pipelines"))
    shown = by_name(arrays, metric)
    figure = Figure(figsize=(7, 1.2 + 0.22 * len(pipelines) * (len(shown) + 1)), layout="constrained")
    axes = figure.subplots()
    places, height = np.arange(len(pipelines)), 1 / (len(shown) + 1)
    for index, (prediction, numbers) in enumerate(shown.items()):
        draws = scale * numbers.reshape(len(pipelines), -1)
        mean = draws.mean(axis=1)
        whiskers = np.stack([mean - draws.min(axis=1), draws.max(axis=1) - mean])
        axes.barh(
            places + index * height,
            mean,
            height,
            xerr=whiskers if draws.shape[1] > 1 else None,
            label=titled(prediction),
            color=COLOURS[index % len(COLOURS)],
        )
    axes.set_yticks(places + (len(shown) - 1) / 2 * height, pipelines)
    axes.invert_yaxis()
    axes.set_xlabel(label)
    axes.legend()
    return figure


# The values of our runs, and the paper's value
Bar = tuple[Sequence[float], float | None]


def draw_groups(groups: Mapping[str, Mapping[str, Bar]], *, up: str) -> "Figure":
    """Returns a panel of bars for every group; whiskers are standard deviations, a black line is the paper's number.

    Args:
        groups: bars by name, by the name of their group. Without a run of ours a bar is the paper's line alone.
        up: what the values are.
    """
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(name for bars in groups.values() for name in bars))
    widest = max(len(bars) for bars in groups.values())
    figure = Figure(figsize=(1 + 0.8 * widest * len(groups), 4), layout="constrained")
    panels = figure.subplots(1, len(groups), squeeze=False, sharey=True)[0]
    shown: list[float] = []
    for axes, (title, bars) in zip(panels, groups.items(), strict=True):
        for place, (name, (ours, paper)) in enumerate(bars.items()):
            if ours:
                spread = float(np.std(ours, ddof=1)) if len(ours) > 1 else None
                colour = COLOURS[names.index(name) % len(COLOURS)]
                axes.bar(place, float(np.mean(ours)), 0.7, yerr=spread, color=colour, capsize=3)
                shown += [min(ours), max(ours)]
            if paper is not None:
                axes.hlines(paper, place - 0.42, place + 0.42, color="black", linewidth=2, zorder=3)
                shown.append(paper)
        axes.set_xticks(range(len(bars)), [name.replace("_", " ") for name in bars], rotation=30, ha="right")
        axes.set_xlim(-0.7, widest - 0.3)
        axes.set_title(title, fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
    if shown:
        room = 0.15 * (max(shown) - min(shown)) or 1.0
        panels[0].set_ylim(min(shown) - room, max(shown) + room)
    panels[0].set_ylabel(up)
    return figure
