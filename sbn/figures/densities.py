"""Densities of a layer's features for clean and transformed images, a panel a network (Zhou et al. 2019, Figure 3)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sbn.figures.branches import draw_densities
from sbn.figures.outcomes import Arrays

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(panels: Mapping[str, Arrays]) -> "Figure":
    """Returns a panel for what the evaluator `features` yields of each of several networks, with their overlaps.

    Args:
        panels: arrays by the title of the panel.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1 + 4.6 * len(panels), 3.6), layout="constrained")
    for axes, (title, arrays) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        draw_densities(axes, arrays)
        axes.set_yscale("log")  # where rectified, a share of the values is 0
        overlaps = ", ".join(f"{100 * value:.0f} %" for value in overlaps_of(arrays).values())
        axes.set_title(", ".join(part for part in (title, f"overlap {overlaps}") if part), fontsize=10)
    return figure


def overlaps_of(arrays: Arrays) -> dict[str, float]:
    """Returns the overlap with the density of the images as they are, of every view's."""
    width = np.diff(arrays["test/edges"])
    masses = {name.split("/")[1]: value * width for name, value in arrays.items() if name.endswith("/density")}
    (clean,) = (name for name in masses if name.startswith("clean_"))
    return {name: float(np.minimum(mass, masses[clean]).sum()) for name, mass in masses.items() if name != clean}


def draw_run(arrays: Arrays) -> "Figure":
    """Returns the figure of one run."""
    return draw({"": arrays})
