"""Accuracy against corruption error, one point a λ: Figure 3 of Split BatchNorms."""

from typing import TYPE_CHECKING

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
    for weight, error, accuracy in zip(arrays["mix/lambda"], errors, accuracies, strict=True):
        axes.annotate(f"{weight:g}", (error, accuracy), textcoords="offset points", xytext=(4, 4))
    axes.set_xlabel(_ERRORS[metric] + ("" if split == "corrupted" else ", generated data"))
    axes.set_ylabel("clean accuracy (%)")
    axes.set_title("λ main + (1 − λ) aux")
    return figure
