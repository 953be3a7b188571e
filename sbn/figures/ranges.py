"""A number at several places: its mean over runs, and a bar from the least to the most (He et al. 2019, Figure 4)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sbn.figures.outcomes import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(values: Mapping[float, Sequence[float]], *, across: str, up: str) -> "Figure":
    """Returns one line of means, with a bar at every place.

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
