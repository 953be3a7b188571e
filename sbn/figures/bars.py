"""Bars: one number a pipeline for every prediction, as Affinity and Diversity give."""

from typing import TYPE_CHECKING

import numpy as np

from sbn.figures.outcomes import COLOURS, Arrays, titled, values

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
    shown = values(arrays, metric)
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
