"""Branches side by side: how far apart they are layer by layer, and the densities of a layer's features in each."""

from typing import TYPE_CHECKING

from sbn.figures.outcomes import Arrays

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANELS = {
    "divergence": "divergence of the running\nstatistics (nats a channel)",
    "scale_difference": "relative difference\nof scales",
    "bias_difference": "relative difference\nof biases",
}


def draw_branches(arrays: Arrays) -> "Figure":
    """Draws a panel for each distance of which there are arrays `model/A_B/METRIC/by_layer`, and one of densities."""
    from matplotlib.figure import Figure

    metrics = {name.split("/")[2] for name in arrays if name.endswith("/by_layer")}
    panels = [metric for metric in _PANELS if metric in metrics]
    figure = Figure(figsize=(9, 2.2 * len(panels) + 3.2), layout="constrained")
    *upper, last = figure.subplots(len(panels) + 1, squeeze=False)[:, 0]
    for axes, metric in zip(upper, panels, strict=True):
        for name, values in arrays.items():
            if name.endswith(f"/{metric}/by_layer"):
                axes.plot(values, marker="o", label=name.split("/")[1].replace("_", " and "))
        axes.set_ylabel(_PANELS[metric])
        axes.set_xticks(range(len(arrays["model/layers"])), [] if axes is not upper[-1] else arrays["model/layers"])
        axes.tick_params(axis="x", rotation=90)
        axes.legend()
    draw_densities(last, arrays)
    return figure


def draw_densities(axes: "Axes", arrays: Arrays) -> None:
    """Draws every `test/NAME/density` over `test/edges`; of images as they are with a dashed line."""
    for name, values in arrays.items():
        if name.endswith("/density"):
            view = name.split("/")[1]
            clean = view.startswith("clean_")
            label = f"images as they are, by {view.removeprefix('clean_')}" if clean else f"view {view}"
            axes.stairs(values, arrays["test/edges"], label=label, linestyle="--" if clean else "-")
    axes.set_xlabel(f"features of {arrays['test/layer']}")
    axes.set_ylabel("density")
    axes.legend()
