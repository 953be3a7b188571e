"""Accuracy against the cost of an image, as its size grows: one network, used at the size that time allows."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sbn.figures.outcomes import COLOURS, Arrays, values

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Line(NamedTuple):
    """One network's way through the sizes.

    Attributes:
        sizes: (S,) sides in pixels.
        multiply_adds: (S,) of an image.
        accuracy: (S,) fractions.
    """

    sizes: np.ndarray
    multiply_adds: np.ndarray
    accuracy: np.ndarray


def draw(lines: Mapping[str, Line]) -> "Figure":
    """Returns a line of points for every network, each point with its size."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    panel = figure.subplots()
    for number, (name, line) in enumerate(lines.items()):
        costs, accuracies = line.multiply_adds / 1e9, 100 * line.accuracy
        colour, line_style = COLOURS[number % len(COLOURS)], "--" if number else "-"
        panel.plot(costs, accuracies, line_style, color=colour, marker="o", markersize=4, label=name)
        for size, cost, accuracy in zip(line.sizes, costs, accuracies, strict=True):
            panel.annotate(f"{size}", (cost, accuracy), textcoords="offset points", xytext=(4, 4), fontsize=8)
    panel.set_xlabel("multiply-adds an image (10⁹)")
    panel.set_ylabel("test accuracy (%)")
    panel.grid(alpha=0.3, linewidth=0.6)
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(frameon=False)
    return figure


def lines_of(arrays: Arrays) -> dict[str, Line]:
    """Returns the lines of what the evaluator `sizes` yields: each size through its own branch, and the first's."""
    shared = arrays["sizes/sizes"], arrays["sizes/multiply_adds"]
    return {
        "every size through its own branch" if name == "own" else f"all through {name}": Line(*shared, accuracy)
        for name, accuracy in values(arrays, "accuracy").items()
    }


def draw_run(arrays: Arrays) -> "Figure":
    """Returns the figure of one run."""
    return draw(lines_of(arrays))
