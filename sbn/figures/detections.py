"""Pictures of test images with boxes: what is there, and beside it what each branch finds."""

from typing import TYPE_CHECKING

import numpy as np

from sbn.figures.labels import COLOURS, Arrays, by_name, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEAST = 0.5  # score of the detections that are drawn
_INCHES = 2.6  # of the longer side of a picture


def draw(arrays: Arrays, *, least: float = LEAST) -> "Figure":
    """Draws each test image once with its objects, difficult ones dashed, and once for each branch with what it finds.

    Args:
        arrays: 'test/image' (n, H, W, 3), 'test/objects' (n, B, 6), 'test/NAME/detections' (n, D, 6), 'test/classes'.
        least: detections of a lower score are not drawn.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    images, objects, names = arrays["test/image"], arrays["test/objects"], [str(n) for n in arrays["test/classes"]]
    branches = by_name(arrays, "detections")
    rows, columns = len(images), 1 + len(branches)
    unit = _INCHES / max(images.shape[1:3])
    size = columns * unit * images.shape[2], rows * unit * images.shape[1] + 0.5
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for row, image in zip(axes, images, strict=True):
        for own in row:
            own.imshow(image)
            own.set_axis_off()
    for column, (title, found) in enumerate([("there", objects), *branches.items()]):
        axes[0, column].set_title(titled(title) if column else f"{title}", fontsize=8)
        for own, boxes in zip(axes[:, column], found, strict=True):
            _outline(own, boxes if not column else boxes[boxes[:, 4] >= least], scored=bool(column))
    seen = sorted({int(one) for boxes in (objects, *branches.values()) for one in boxes[boxes[..., 4] != 0][:, 5]})
    lines = [Line2D([], [], color=_colour(k), label=names[k]) for k in seen if k < len(names)]
    if lines:
        figure.legend(
            handles=lines[:20], loc="outside lower center", ncols=min(len(lines), 5), fontsize=7, frameon=False
        )
    return figure


def _outline(axes: "Axes", boxes: np.ndarray, *, scored: bool) -> None:
    """Draws boxes (D, 6), those of score 0 not; with their scores, if these mean something."""
    from matplotlib.patches import Rectangle

    for y0, x0, y1, x1, score, label in boxes[boxes[:, 4] != 0].tolist():
        colour = _colour(int(label))
        dashed = "--" if score < 0 else "-"
        # Edges of pixels are half a pixel from their middles, where matplotlib counts
        corner = (x0 - 0.5, y0 - 0.5)
        axes.add_patch(
            Rectangle(corner, x1 - x0, y1 - y0, fill=False, edgecolor=colour, linewidth=0.9, linestyle=dashed)
        )
        if scored:
            axes.text(*corner, f"{score:.2f}", fontsize=4, color="white", va="bottom", bbox=_label_box(colour))


def _label_box(colour: str) -> dict[str, object]:
    return {"facecolor": colour, "edgecolor": "none", "pad": 0.3}


def _colour(label: int) -> str:
    return COLOURS[label % len(COLOURS)]
