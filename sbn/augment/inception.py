"""Which window an Inception crop cuts out: the same few lines on every array library.

Areas and ratios are drawn from 2**14 equally spaced values each, whose square roots are constants made here: a side is
then one float32 product, rounded, and no library's log, exp or square root decides where a pixel comes from.
"""

from typing import Any, NamedTuple

import numpy as np

from sbn.augment.draws import NUMPY, ArrayLibrary, below_each
from sbn.augment.size_ops import INCEPTION_TRIES, InceptionCrop, Size

_GRID_BITS = 14


class Windows(NamedTuple):
    """Rows top .. top + height - 1 and columns left .. left + width - 1 of each of N images: each (N,) int32."""

    top: Any
    left: Any
    height: Any
    width: Any


def draw_windows(
    op: InceptionCrop, bits: Any, *, image_size: Size | tuple[np.ndarray, np.ndarray], library: ArrayLibrary = NUMPY
) -> Windows:
    """Returns the windows that draws stand for, bit-equal on every array library.

    Args:
        op: area and ratio.
        bits: (N, 22) uint32: ten areas, ten ratios, row, column.
        image_size: (H, W), static; or, with NumPy, (N,) int64 heights and (N,) int64 widths.
        library: the array library.
    """
    height: Any
    width: Any
    height, width = image_size
    each = isinstance(height, np.ndarray)
    drawn = library.int32(library.shift_right(bits, 32 - _GRID_BITS))
    areas, tries = _grid(op.area), drawn[:, :INCEPTION_TRIES]
    stretches = np.sqrt(np.exp(_grid(np.log(op.ratio))))
    if each:  # the very same products
        root = np.float32(np.sqrt((height * width)[:, None] * areas[tries]))
        most_high, most_wide = height[:, None], width[:, None]
    else:
        root = library.take(np.float32(np.sqrt(height * width * areas)), tries)
        most_high, most_wide = height, width
    ratio = drawn[:, INCEPTION_TRIES : 2 * INCEPTION_TRIES]
    heights = library.int32(library.math.rint(root * library.take(np.float32(1 / stretches), ratio)))
    widths = library.int32(library.math.rint(root * library.take(np.float32(stretches), ratio)))
    fits = (heights > 0) & (heights <= most_high) & (widths > 0) & (widths <= most_wide)
    # Walked backwards, so that the first that fits stays.
    whole = _largest(op.ratio, image_size)
    if not each:
        whole = int(whole[0]), int(whole[1])
    found, (tall, wide) = fits[:, 0] & False, whole
    for number in reversed(range(INCEPTION_TRIES)):
        tall, wide = (
            library.where(fits[:, number], sides[:, number], other)
            for sides, other in ((heights, tall), (widths, wide))
        )
        found = found | fits[:, number]
    top, left = (
        library.where(found, library.int32(below_each(bits[:, draw], room + 1, library)), (size - side) // 2)
        for draw, room, size, side in (
            (-2, height - tall, height, whole[0]),
            (-1, width - wide, width, whole[1]),
        )
    )
    return Windows(top, left, tall, wide)


def _grid(span: Any) -> np.ndarray:
    """The middles of 2**14 equal parts of a span, float64."""
    low, high = span
    return low + (high - low) * (np.arange(1 << _GRID_BITS) + 0.5) / (1 << _GRID_BITS)


def _largest(ratio: tuple[float, float], image_size: tuple[Any, Any]) -> tuple[Any, Any]:
    """The largest window whose width is `ratio` times its height, at one of the span's ends if the image's is not."""
    height, width = image_size
    low, high = ratio
    tall = np.where(width < low * height, np.minimum(np.rint(width / low), height), height)
    wide = np.where(width > high * height, np.minimum(np.rint(height * high), width), width)
    return np.maximum(tall, 1).astype(np.int64), np.maximum(wide, 1).astype(np.int64)
