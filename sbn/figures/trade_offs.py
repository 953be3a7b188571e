"""Accuracy against its price: corruption error, a point for each λ; multiply-adds, a point for each image size."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sbn.figures.labels import COLOURS, Arrays, LabelledLine, by_name, label_points, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_ERRORS = {"mce": "mCE (%)", "uce": "uCE (%)", "error": "mean error (%)"}  # the first there is gets drawn


@styled
def draw_trade_off(arrays: Arrays) -> "Figure":
    """Draws `test/mix/accuracy` over `SPLIT/mix/mce`, or `uce`, or `error`, each point with its `mix/lambda`."""
    from matplotlib.figure import Figure

    names = [name for metric in _ERRORS for name in arrays if name.endswith(f"/mix/{metric}")]
    split, _, metric = names[0].split("/")
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    errors, accuracies = 100 * arrays[names[0]], 100 * arrays["test/mix/accuracy"]
    axes.plot(errors, accuracies, color=COLOURS[0], marker="o", markersize=4)
    axes.margins(0.12)
    axes.set_xlabel(_ERRORS[metric] + ("" if split == "corrupted" else ", generated data"))
    axes.set_ylabel("clean accuracy (%)")
    axes.grid(alpha=0.3, linewidth=0.6)
    axes.set_title("λ main + (1 − λ) aux")
    label_points(axes, [LabelledLine([f"{weight:g}" for weight in arrays["mix/lambda"]], errors, accuracies)])
    return figure


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


@styled
def draw_sizes(curves: Mapping[str, SizeCurve]) -> "Figure":
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
    panel.legend()
    label_points(panel, labelled, size=8)
    return figure


def size_curves(arrays: Arrays) -> dict[str, SizeCurve]:
    """Returns the curves of what the evaluator `sizes` yields: each size through its own branch, and the first's."""
    shared = arrays["sizes/sizes"], arrays["sizes/multiply_adds"]
    return {
        "every size through its own branch" if name == "own" else f"all through {name}": SizeCurve(*shared, accuracy)
        for name, accuracy in by_name(arrays, "accuracy").items()
    }


def draw_sizes_of_run(arrays: Arrays) -> "Figure":
    """Returns the figure of one run."""
    return draw_sizes(size_curves(arrays))
