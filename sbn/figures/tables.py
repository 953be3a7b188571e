"""A table of errors as a figure: types of corruption by severities, a panel a prediction."""

from typing import TYPE_CHECKING

import numpy as np

from sbn.figures.outcomes import Arrays, titled, values

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_tables(arrays: Arrays) -> "Figure":
    """Draws every `SPLIT/PREDICTION/error` (kinds, severities), in percent, on one scale of colours from 0 to 1."""
    from matplotlib.figure import Figure

    (split,) = (name.split("/")[0] for name in arrays if name.endswith("/kinds"))
    kinds, severities = arrays[f"{split}/kinds"], arrays[f"{split}/severities"]
    shown = values(arrays, "error")
    figure = Figure(figsize=(1.6 + 2.4 * len(shown), 1 + 0.26 * len(kinds)), layout="constrained")
    for axes, (prediction, errors) in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown.items(), strict=True):
        axes.imshow(errors, cmap="viridis", vmin=0, vmax=1, aspect="auto")
        for (row, column), error in np.ndenumerate(errors):
            axes.text(column, row, f"{100 * error:.1f}", ha="center", va="center", color="w" if error < 0.7 else "k")
        axes.set_xticks(range(len(severities)), severities)
        axes.set_yticks(range(len(kinds)), kinds if axes is figure.axes[0] else [])
        axes.set_title(titled(prediction))
    figure.suptitle("error (%) by severity" + ("" if split == "corrupted" else ", generated data"))
    return figure
