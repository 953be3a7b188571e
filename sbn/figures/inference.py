"""Accuracy against the cost of an image, as its size grows: one network, used at the size that time allows."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sbn.figures.labels import LabelledLine, label_points
from sbn.figures.outcomes import COLOURS, Arrays, values

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class SizeCurve(NamedTuple):
    """One network's way through the sizes.

    Attributes:
        sizes: (S,) sides in pixels.
        multiply_adds: (S,) of an image.
        accuracy: (S,) fractions.
    """

    sizes: np.ndarray
    multiply_adds: np.ndarray
    accuracy: np.ndarray


def draw(curves: Mapping[str, SizeCurve]) -> "Figure":
    """Returns a line of points for every network, each point with its size."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    panel = figure.subplots()
    labelled = []
    for number, (name, curve) in enumerate(curves.items()):
        costs, accuracies = curve.multiply_adds / 1e9, 100 * curve.accuracy
        colour, line_style = COLOURS[number % len(COLOURS)], "--" if number else "-"
        panel.plot(costs, accuracies, line_style, color=colour, marker="o", markersize=4, label=name)
        labelled.append(LabelledLine([f"{size}" for size in curve.sizes], costs, accuracies))
    panel.set_xlabel("multiply-adds an image (10⁹)")
    panel.set_ylabel("test accuracy (%)")
    panel.grid(alpha=0.3, linewidth=0.6)
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(frameon=False)
    label_points(panel, labelled, size=8)
    return figure


def curves_of(arrays: Arrays) -> dict[str, SizeCurve]:
    """Returns the curves of what the evaluator `sizes` yields: each size through its own branch, and the first's."""
    shared = arrays["sizes/sizes"], arrays["sizes/multiply_adds"]
    return {
        "every size through its own branch" if name == "own" else f"all through {name}": SizeCurve(*shared, accuracy)
        for name, accuracy in values(arrays, "accuracy").items()
    }


def draw_run(arrays: Arrays) -> "Figure":
    """Returns the figure of one run."""
    return draw(curves_of(arrays))
