"""Boxes move with the pixels of their image: the same few lines, and the same bits, on every array library.

Whatever an op does to positions is one affine map of the image, a `BoxMap`. A box becomes the smallest box around its
four mapped corners, cut off at the border of the image; one that is empty is gone. Tone ops, noise, blur and Cutout
leave boxes alone, Cutout because the object is still there, behind the hole.
Coordinates are counted in 1/256 of a pixel, and every product is rounded to that before anything is added to it: then
float32 holds all sums exactly, up to 65,536 pixels, and no compiler can round them otherwise.
"""

from typing import Any, NamedTuple

import numpy as np

from sbn.augment.draws import ArrayLibrary

UNIT = 256


class BoxMap(NamedTuple):
    """Where positions go: y' = yy * y + yx * x + y0, and x' = xy * y + xx * x + x0, in pixels, edges of pixels whole.

    Numbers, or (N, 1) arrays of the array library, in which `y0` and `x0` are multiples of 1/256.

    Attributes:
        area: how many times larger things become, |yy * xx - yx * xy|.
    """

    yy: Any = 1.0
    yx: Any = 0.0
    y0: Any = 0.0
    xy: Any = 0.0
    xx: Any = 1.0
    x0: Any = 0.0
    area: Any = 1.0


class Boxes(NamedTuple):
    """Boxes on their way through a pipeline: float32 (N, B) each, edges in 1/256 of a pixel.

    Attributes:
        whole: the area that a box would have had nothing been cut off, in square pixels; 0 for what is no box.
    """

    top: Any
    left: Any
    bottom: Any
    right: Any
    whole: Any


def begin(boxes: Any, library: ArrayLibrary) -> Boxes:
    """Returns boxes (N, B, 4) float32, (y0, x0, y1, x1) in pixels, half-open; those without an area are no boxes."""
    edges = [library.math.rint(boxes[..., edge] * np.float32(UNIT)) for edge in range(4)]
    return _alive(*edges, whole=_area(*edges), library=library)


def move(boxes: Boxes, by: BoxMap, size: tuple[int, int], library: ArrayLibrary) -> Boxes:
    """Returns boxes after an op.

    Args:
        boxes: before it.
        by: what the op does to positions.
        size: (H, W) of the images that come out, static.
        library: the array library.
    """
    rows, columns = (boxes.top, boxes.bottom), (boxes.left, boxes.right)
    top, bottom = _between(rows, columns, (by.yy, by.yx, by.y0), size[0], library)
    left, right = _between(rows, columns, (by.xy, by.xx, by.x0), size[1], library)
    return _alive(top, left, bottom, right, whole=boxes.whole * _float(by.area), library=library)


def end(boxes: Boxes, *, least: float, library: ArrayLibrary) -> list[Any]:
    """Returns the four edges (N, B) float32 in pixels, all 0 where less than a share `least` of the box is left."""
    left_over = _area(*boxes[:4])
    kept = (boxes.whole > 0) & (left_over >= boxes.whole * np.float32(least))
    return [library.where(kept, edge, np.float32(0)) * np.float32(1 / UNIT) for edge in boxes[:4]]


def _float(number: Any) -> Any:
    return np.float32(number) if isinstance(number, int | float) else number


def _area(top: Any, left: Any, bottom: Any, right: Any) -> Any:
    return ((bottom - top) * np.float32(1 / UNIT)) * ((right - left) * np.float32(1 / UNIT))


def _alive(top: Any, left: Any, bottom: Any, right: Any, *, whole: Any, library: ArrayLibrary) -> Boxes:
    there = (bottom > top) & (right > left) & (whole > 0)
    return Boxes(top, left, bottom, right, library.where(there, whole, np.float32(0)))


def _between(rows: Any, columns: Any, line: tuple[Any, Any, Any], side: int, library: ArrayLibrary) -> tuple[Any, Any]:
    """The least and the greatest of by_row * row + by_column * column + start, cut off at 0 and `side`."""
    by_row, by_column, start = map(_float, line)
    first, last = (
        [library.math.rint(end * factor) for end in ends] for ends, factor in ((rows, by_row), (columns, by_column))
    )
    start = start * np.float32(UNIT)
    limit = np.float32(UNIT * side)
    low = library.math.minimum(*first) + library.math.minimum(*last) + start
    high = library.math.maximum(*first) + library.math.maximum(*last) + start
    zero = np.float32(0)
    return (
        library.math.minimum(library.math.maximum(low, zero), limit),
        library.math.minimum(library.math.maximum(high, zero), limit),
    )
