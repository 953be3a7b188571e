"""Accuracy against corruption error, one point a λ: Figure 3 of Split BatchNorms."""

from typing import TYPE_CHECKING

from sbn.figures.labels import LabelledLine, label_points
from sbn.figures.outcomes import Arrays

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ERRORS = {"mce": "mCE (%)", "uce": "uCE (%)", "error": "mean error (%)"}  # the first there is gets drawn


def draw_trade_off(arrays: Arrays) -> "Figure":
    """Draws `test/mix/accuracy` over `SPLIT/mix/mce`, or `uce`, or `error`, each point with its `mix/lambda`."""
    from matplotlib.figure import Figure

    names = [name for metric in _ERRORS for name in arrays if name.endswith(f"/mix/{metric}")]
    split, _, metric = names[0].split("/")
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    errors, accuracies = 100 * arrays[names[0]], 100 * arrays["test/mix/accuracy"]
    axes.plot(errors, accuracies, marker="o")
    axes.margins(0.12)
    axes.set_xlabel(_ERRORS[metric] + ("" if split == "corrupted" else ", generated data"))
    axes.set_ylabel("clean accuracy (%)")
    axes.set_title("λ main + (1 − λ) aux")
    label_points(axes, [LabelledLine([f"{weight:g}" for weight in arrays["mix/lambda"]], errors, accuracies)])
    return figure
