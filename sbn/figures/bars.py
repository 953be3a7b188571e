"""Bars: one per augmentation pipeline (Affinity, Diversity), and groups of our runs beside the numbers of a paper."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sbn.figures.labels import Arrays, by_name, colours, styled, titled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
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
    axes.axvline(0, color="0.4", linewidth=0.8)
    places, height = np.arange(len(pipelines)), 1 / (len(shown) + 1)
    of, count = colours(shown), 1
    for index, (prediction, numbers) in enumerate(shown.items()):
        draws = scale * numbers.reshape(len(pipelines), -1)
        mean, count = draws.mean(axis=1), draws.shape[1]
        whiskers = np.stack([mean - draws.min(axis=1), draws.max(axis=1) - mean])
        axes.barh(
            places + index * height,
            mean,
            height,
            xerr=whiskers if count > 1 else None,
            label=titled(prediction),
            color=of[prediction],
        )
    axes.set_yticks(places + (len(shown) - 1) / 2 * height, pipelines)
    axes.invert_yaxis()
    axes.set_xlabel(f"{label}; whiskers: range over {count} draws" if count > 1 else label)
    figure.legend(loc="outside lower center", ncols=len(shown))
    return figure


# The values of our runs, and the paper's value
Bar = tuple[Sequence[float], float | None]


@styled
def draw_groups(groups: Mapping[str, Mapping[str, Bar]], *, up: str) -> "Figure":
    """Returns a panel of bars for every group; whiskers are standard deviations, a black line is the paper's number.

    Args:
        groups: bars by name, by the name of their group. Without a run of ours a bar is the paper's line alone.
        up: what the values are.
    """
    from matplotlib.figure import Figure

    of = colours(name for bars in groups.values() for name in bars)
    widest = max(len(bars) for bars in groups.values())
    figure = Figure(figsize=(1 + 0.8 * widest * len(groups), 4), layout="constrained")
    panels = figure.subplots(1, len(groups), squeeze=False, sharey=True)[0]
    shown: list[float] = []
    for axes, (title, bars) in zip(panels, groups.items(), strict=True):
        for place, (name, (ours, paper)) in enumerate(bars.items()):
            if ours:
                spread = float(np.std(ours, ddof=1)) if len(ours) > 1 else None
                axes.bar(place, float(np.mean(ours)), 0.7, yerr=spread, color=of[name], capsize=3)
                shown += [min(ours), max(ours)]
            if paper is not None:
                axes.hlines(paper, place - 0.42, place + 0.42, color="black", linewidth=2, zorder=3)
                shown.append(paper)
        axes.set_xticks(range(len(bars)), [name.replace("_", " ") for name in bars], rotation=30, ha="right")
        axes.set_xlim(-0.7, widest - 0.3)
        axes.set_title(title)
    if shown:
        room = 0.15 * (max(shown) - min(shown)) or 1.0
        panels[0].set_ylim(min(shown) - room, max(shown) + room)
    panels[0].set_ylabel(up)
    return figure
