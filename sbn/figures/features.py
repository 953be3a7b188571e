"""What goes on inside networks: distances between branches, densities of features, spectra of their covariances."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sbn.figures.labels import COLOURS, Arrays, by_name, colours, styled, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_DISTANCES = {
    "divergence": "divergence of the running\nstatistics (nats a channel)",
    "scale_difference": "relative difference\nof scales",
    "bias_difference": "relative difference\nof biases",
}


@styled
def draw_branches(arrays: Arrays) -> "Figure":
    """Draws a panel for each distance of which there are arrays `model/A_B/METRIC/by_layer`, and one of densities."""
    from matplotlib.figure import Figure

    metrics = {name.split("/")[2] for name in arrays if name.endswith("/by_layer")}
    panels = [metric for metric in _DISTANCES if metric in metrics]
    figure = Figure(figsize=(9, 2.2 * len(panels) + 3.2), layout="constrained")
    *upper, last = figure.subplots(len(panels) + 1, squeeze=False)[:, 0]
    pairs = dict.fromkeys(name.split("/")[1] for name in arrays if name.endswith("/by_layer"))
    told = {pair: pair.replace("_", " and ") for pair in pairs}
    for axes, metric in zip(upper, panels, strict=True):
        for number, pair in enumerate(pairs):
            if (values := arrays.get(f"model/{pair}/{metric}/by_layer")) is not None:
                axes.plot(values, marker="o", color=COLOURS[number % len(COLOURS)], label=told[pair])
        axes.set_ylabel(_DISTANCES[metric])
        axes.set_xticks(range(len(arrays["model/layers"])), [] if axes is not upper[-1] else arrays["model/layers"])
        axes.tick_params(axis="x", rotation=90)
    if panels:
        upper[0].set_title(f"Distances between {', '.join(told.values())}, layer by layer")
        if len(pairs) > 1:
            upper[0].legend()
    draw_densities(last, arrays)
    return figure


def draw_densities(axes: "Axes", arrays: Arrays) -> None:
    """Draws every `test/NAME/density` over `test/edges`; of images as they are with a dashed line."""
    shown = by_name(arrays, "density")
    of = colours(view.removeprefix("clean_") for view in shown)
    for view, values in shown.items():
        branch, clean = view.removeprefix("clean_"), view.startswith("clean_")
        label = f"images as they are, by {branch}" if clean else f"view {view}"
        dashes = "--" if clean else "-"
        axes.stairs(values, arrays["test/edges"], label=label, linestyle=dashes, color=of[branch])
    axes.set_xlabel(f"features of {arrays['test/layer']}; the outermost bins hold all that lies beyond")
    axes.set_ylabel("density")
    axes.legend()


@styled
def draw_density_panels(panels: Mapping[str, Arrays]) -> "Figure":
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
        axes.set_title(", ".join(part for part in (title, f"overlap {overlaps}") if part))
    return figure


def overlaps_of(arrays: Arrays) -> dict[str, float]:
    """Returns the overlap with the density of the images as they are, of every view's."""
    width = np.diff(arrays["test/edges"])
    masses = {name.split("/")[1]: value * width for name, value in arrays.items() if name.endswith("/density")}
    (clean,) = (name for name in masses if name.startswith("clean_"))
    return {name: float(np.minimum(mass, masses[clean]).sum()) for name, mass in masses.items() if name != clean}


def draw_densities_of_run(arrays: Arrays) -> "Figure":
    """Returns the figure of one run."""
    return draw_density_panels({"": arrays})


_SPECTRA = ("covariance within classes", "covariance of all classes")


@styled
def draw_spectra(
    intra_class: Mapping[str, np.ndarray], all_classes: Mapping[str, np.ndarray], *, classes: int
) -> "Figure":
    """Returns two panels of one line a spectrum; the number of classes is marked.

    Args:
        intra_class: spectra (C,) within classes, descending, by what they are called.
        all_classes: those of all classes.
        classes: how many.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    for panel, title, spectra in zip(figure.subplots(1, 2), _SPECTRA, (intra_class, all_classes), strict=True):
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
        panel.set_title(title)
        panel.set_xlabel(f"index (dotted: {classes} classes)")
    figure.axes[0].set_ylabel("singular value")
    figure.axes[1].legend()
    return figure


def _leave_out_nothings(panel: object, spectra: Mapping[str, np.ndarray]) -> None:
    """Ends the axis where values are rounding errors: float64's, of the largest."""
    largest = max(float(spectrum.max()) for spectrum in spectra.values())
    shown = [value for spectrum in spectra.values() for value in spectrum if value > 1e-12 * largest]
    if shown:
        panel.set_ylim(min(shown) / 2, largest * 2)  # type: ignore[attr-defined]


def draw_spectra_of_branches(arrays: Arrays) -> "Figure":
    """Returns the spectra of every branch of one run, `SPLIT/BRANCH/intra_class` and `SPLIT/BRANCH/all_classes`."""
    (classes,) = (int(value) for name, value in arrays.items() if name.endswith("/classes"))
    intra_class, all_classes = (
        {titled(name): spectrum for name, spectrum in by_name(arrays, metric).items()}
        for metric in ("intra_class", "all_classes")
    )
    return draw_spectra(intra_class, all_classes, classes=classes)


def spectrum_ratios(spectrum: np.ndarray, reference: np.ndarray, *, classes: int) -> dict[str, float]:
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
