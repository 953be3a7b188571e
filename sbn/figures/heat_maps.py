"""Errors as colours: Fourier heat maps (Split BatchNorms, Figure 4), and tables of corruptions by severity."""

from typing import TYPE_CHECKING

import numpy as np

from sbn.figures.labels import Arrays, by_name, titled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(arrays: Arrays) -> "Figure":
    """Returns the heat maps of `fourier/NAME/error`, (h, w) fractions, zero frequency in the middle.

    The scale is 0 to 100 % in every figure, so that those of different runs can be compared.
    """
    from matplotlib.figure import Figure

    maps = by_name(arrays, "error")
    figure = Figure(figsize=(1.1 + 2.9 * len(maps), 3.75), layout="constrained")
    panels = figure.subplots(1, len(maps), squeeze=False, sharey=True)[0]
    for panel, (name, errors) in zip(panels, maps.items(), strict=True):
        bottom, left = (-(n // 2) - 0.5 for n in errors.shape)
        extent = (left, left + errors.shape[1], bottom + errors.shape[0], bottom)  # as rows: downwards
        image = panel.imshow(100 * errors, cmap="turbo", vmin=0, vmax=100, extent=extent, interpolation="nearest")
        panel.set_title(f"{titled(name)}   mean {100 * errors.mean():.1f} %", fontsize=11)
        panel.set_xlabel("cycles across")
        for axis, n in ((panel.xaxis, errors.shape[1]), (panel.yaxis, errors.shape[0])):
            axis.set_ticks(_ticks(n))
    panels[0].set_ylabel("cycles down")
    figure.colorbar(image, cax=panels[-1].inset_axes((1.06, 0, 0.06, 1)), label="test error (%)")
    figure.suptitle(
        f"Fourier noise of L2 norm {float(arrays['fourier/norm']):g} a channel, "
        f"{int(arrays['fourier/examples']):,} test images",
        fontsize=10,
    )
    return figure


def draw_error_tables(arrays: Arrays) -> "Figure":
    """Draws every `SPLIT/PREDICTION/error` (kinds, severities), in percent, on one scale of colours from 0 to 1."""
    from matplotlib.figure import Figure

    (split,) = (name.split("/")[0] for name in arrays if name.endswith("/kinds"))
    kinds, severities = arrays[f"{split}/kinds"], arrays[f"{split}/severities"]
    shown = by_name(arrays, "error")
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


def _ticks(n: int) -> np.ndarray:
    """Returns about five round frequencies, zero among them."""
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200) if n <= 7 * step)
    furthest = (n - 1) // 2 // step
    return step * np.arange(-furthest, furthest + 1)
