"""Spectra of covariance matrices on a log axis, within classes and of all classes (He et al. 2019, Figure 3)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sbn.figures.outcomes import COLOURS, Arrays, titled, values

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PANELS = ("covariance within classes", "covariance of all classes")


def draw(intra_class: Mapping[str, np.ndarray], all_classes: Mapping[str, np.ndarray], *, classes: int) -> "Figure":
    """Returns two panels of one line a spectrum; the number of classes is marked.

    Args:
        intra_class: spectra (C,) within classes, descending, by what they are called.
        all_classes: those of all classes.
        classes: how many.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    for panel, title, spectra in zip(figure.subplots(1, 2), _PANELS, (intra_class, all_classes), strict=True):
        for number, (name, spectrum) in enumerate(spectra.items()):
            panel.plot(
                np.arange(1, len(spectrum) + 1),
                spectrum,
                color=COLOURS[number % len(COLOURS)],
                linestyle="-" if number < len(COLOURS) else "--",
                linewidth=1.5,
                label=name,
            )
        panel.axvline(classes, color="0.6", linewidth=0.8, linestyle=":")
        panel.set_yscale("log")
        _leave_out_nothings(panel, spectra)
        panel.set_title(title, fontsize=10)
        panel.set_xlabel(f"index (dotted: {classes} classes)")
        panel.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("singular value")
    figure.axes[1].legend(frameon=False)
    return figure


def _leave_out_nothings(panel: object, spectra: Mapping[str, np.ndarray]) -> None:
    """Ends the axis where values are rounding errors: float64's, of the largest."""
    largest = max(float(spectrum.max()) for spectrum in spectra.values())
    shown = [value for spectrum in spectra.values() for value in spectrum if value > 1e-12 * largest]
    if shown:
        panel.set_ylim(min(shown) / 2, largest * 2)  # type: ignore[attr-defined]


def draw_branches(arrays: Arrays) -> "Figure":
    """Returns the spectra of every branch of one run, `SPLIT/BRANCH/intra_class` and `SPLIT/BRANCH/all_classes`."""
    (classes,) = (int(value) for name, value in arrays.items() if name.endswith("/classes"))
    intra_class, all_classes = (
        {titled(name): spectrum for name, spectrum in values(arrays, metric).items()}
        for metric in ("intra_class", "all_classes")
    )
    return draw(intra_class, all_classes, classes=classes)


def ratios(spectrum: np.ndarray, reference: np.ndarray, *, classes: int) -> dict[str, float]:
    """Returns the mean ratio of two spectra over three spans of indices, counted from 1.

    For c classes these are 1 to c / 2, c / 2 + 1 to c - 1, and c to 2 c: before and after the drop that the means of
    the classes leave. Values of the reference that are nothing but rounding are left out.
    """
    found = {}
    for first, last in ((1, classes // 2), (classes // 2 + 1, classes - 1), (classes, 2 * classes)):
        own, other = spectrum[first - 1 : last], reference[first - 1 : last]
        there = other > 1e-12 * reference[0]
        if there.any():
            found[f"{first}-{first + len(own) - 1}"] = float(np.mean(own[there] / other[there]))
    return found
