"""Pictures of test images with the classes of their pixels: as they are and as each branch has them; bars by class."""

from typing import TYPE_CHECKING

import numpy as np

from sbn.figures.class_colours import class_colours, coloured
from sbn.figures.labels import COLOURS, Arrays, by_name, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INCHES = 2.6  # of the longer side of a picture


def draw(arrays: Arrays) -> "Figure":
    """Draws each test image, its truth, what each branch says, and below the intersection over union of each class.

    Args:
        arrays: 'test/image' (n, H, W, 3), 'test/truth' (n, H, W), 'test/NAME/predicted' (n, H, W), 'test/NAME/iou'
            (classes,), 'test/classes'. Pixels without a class are black; what is said of them is drawn all the same.
    """
    from matplotlib.figure import Figure

    images, names = arrays["test/image"], [str(name) for name in arrays["test/classes"]]
    columns = {
        "image": images,
        "there": coloured(arrays["test/truth"], len(names)),
        **{titled(name): coloured(own, len(names)) for name, own in by_name(arrays, "predicted").items()},
    }
    unit, bars = _INCHES / max(images.shape[1:3]), 2.6
    height = len(images) * unit * images.shape[1] + 0.3
    width = max(len(columns) * unit * images.shape[2], 5.0)
    figure = Figure(figsize=(width, height + bars), layout="constrained")
    grid = figure.add_gridspec(
        len(images) + 1, len(columns), height_ratios=[*[height / len(images)] * len(images), bars]
    )
    for column, (title, pictures) in enumerate(columns.items()):
        for row, picture in enumerate(pictures):
            axes = figure.add_subplot(grid[row, column])
            axes.imshow(picture, interpolation="nearest")
            axes.set_axis_off()
            if row == 0:
                axes.set_title(title, fontsize=8)
    _draw_bars(figure.add_subplot(grid[len(images), :]), by_name(arrays, "iou"), names)
    return figure


def _draw_bars(axes: "Axes", found: dict[str, np.ndarray], names: list[str]) -> None:
    """The intersection over union of each class, a bar for each branch; none where a class is nowhere."""
    share = 0.8 / len(found)
    for number, (branch, ious) in enumerate(found.items()):
        mean = float(np.nanmean(ious)) if not np.isnan(ious).all() else float("nan")
        places = np.arange(len(names)) + (number - (len(found) - 1) / 2) * share
        label = f"{titled(branch)}, mean {mean:.3f}"
        axes.bar(places, np.nan_to_num(ious), share, color=COLOURS[number % len(COLOURS)], label=label)
    axes.set_ylim(0, 1)
    axes.set_ylabel("intersection over union", fontsize=8)
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=8)
    for text, colour in zip(axes.get_xticklabels(), class_colours(len(names)) / 255, strict=True):
        text.set_bbox({"facecolor": "none", "edgecolor": colour, "linewidth": 1.5, "pad": 1})
    axes.legend(fontsize=8, frameon=False)
