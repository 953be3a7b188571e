"""Accuracy by the width of a filter, a line a branch and mix (Split BatchNorms, Figure 5)."""

import functools
from typing import TYPE_CHECKING

import numpy as np

from sbn.figures.outcomes import COLOURS, Arrays, titled, values

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DONE = {"low_pass": "kept", "high_pass": "removed"}


def draw(arrays: Arrays, *, evaluator: str) -> "Figure":
    """Returns the curves of `EVALUATOR/NAME/accuracy`, (widths,) fractions, over `EVALUATOR/widths`."""
    from matplotlib.figure import Figure

    widths = arrays[f"{evaluator}/widths"]
    order = np.argsort(widths)
    figure = Figure(figsize=(5.6, 3.8), layout="constrained")
    panel = figure.subplots()
    for number, (name, accuracy) in enumerate(values(arrays, "accuracy").items()):
        panel.plot(
            widths[order],
            100 * accuracy[order],
            color=COLOURS[number % len(COLOURS)],
            linestyle="--" if name.startswith("mix_") else "-",
            marker="o",
            markersize=3.5,
            linewidth=1.6,
            label=titled(name),
            clip_on=False,  # markers at the ends
            zorder=3,
        )
    panel.set_xlabel(f"width B of the square of frequencies {_DONE[evaluator]}")
    panel.set_ylabel("test accuracy (%)")
    panel.set_ylim(0, 100)
    panel.set_xlim(0, widths.max())
    panel.grid(alpha=0.3, linewidth=0.6)
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(frameon=False)
    images = int(arrays[f"{evaluator}/examples"])
    panel.set_title(f"{evaluator.replace('_', '-')} filter, {images:,} test images", fontsize=10)
    return figure


low_pass = functools.partial(draw, evaluator="low_pass")
high_pass = functools.partial(draw, evaluator="high_pass")
