"""Filter weights, in NumPy, and the Gaussian blur in whole numbers: the same bits on every array library."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sbn.augment import ops
from sbn.augment.draws import ArrayLibrary

BLUR_ONE = 1 << 12
RESIZE_BITS = 22  # Pillow's Resample.c: 32 bits, less 8 of the byte and 2 spare


def gaussian(sigma: float, side: int) -> np.ndarray:
    """Returns (side,) int64 counts of 1/4096: exp(-x^2 / (2 sigma^2)) at whole x about the middle, scaled to 4096.

    With 12 bits a weight, twice weighted bytes fit into 32 bits: a blur needs no rounding but its last. Each weight is
    rounded by itself, so that together they may be off 4096; a blur divides by their sum.
    """
    x = np.arange(side) - side // 2
    weights = np.exp(-(x**2) / (2 * sigma**2))
    return np.rint(weights / weights.sum() * BLUR_ONE).astype(np.int64)


def resize(size: int, target: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the taps of Pillow's antialiased bilinear resize along one axis.

    Args:
        size: pixels before.
        target: pixels after.

    Returns:
        (target, taps) int32 positions, and (target, taps) int32 weights in units of 2**-22; unused taps have position
        and weight 0.
    """
    # Pillow's own float64 arithmetic (`Resample.c` of Pillow 13), operation by operation
    scale = size / target
    stretch = max(scale, 1.0)  # shrinking widens the filter
    centre = (np.arange(target) + 0.5) * scale
    first = np.maximum((centre - stretch + 0.5).astype(np.int32), 0)
    end = np.minimum((centre + stretch + 0.5).astype(np.int32), size)
    at = first[:, None] + np.arange(np.max(end - first), dtype=np.int32)
    used = at < end[:, None]
    found = np.where(used, np.maximum(1.0 - np.abs((at - centre[:, None] + 0.5) * (1.0 / stretch)), 0.0), 0.0)
    total = np.cumsum(found, axis=1)[:, -1:]  # one after the other, where `sum` adds up in pairs
    weights = (found / total * (1 << RESIZE_BITS) + 0.5).astype(np.int32)
    return np.where(used, at, 0), weights


def vertical_first(size: tuple[Any, Any], target: tuple[int, int]) -> Any:
    """Returns whether Pillow 13 resizes (height, width) to the target along columns before it does along rows.

    It makes bytes in between, so that the order is worth a level here and there. Before version 13 the answer was no.
    The sizes may be arrays of whole numbers.
    """
    (height, width), (new_height, new_width) = size, target
    return (height > new_height) & (height - new_height > 2 * (width - new_width))


def nearest(size: int, target: int) -> np.ndarray:
    """Returns (target,) int32, which pixel of a line stands nearest to every pixel of the resized one, as in Pillow."""
    # Pillow adds the scale up pixel by pixel (`Geometry.c`), in float64
    steps = np.full(target, size / target)
    steps[0] *= 0.5
    return np.minimum(np.cumsum(steps).astype(np.int32), size - 1)


def nearest_each(sizes: Sequence[int], target: int) -> np.ndarray:
    """Returns `nearest` from every one of the sizes: (len(sizes), target) int32."""
    return np.stack([nearest(size, target) for size in sizes])


def resize_each(sizes: Sequence[int], target: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the taps of `resize` from every one of the sizes: twice (len(sizes), target, taps) int32."""
    tables = [resize(size, target) for size in sizes]
    most = max(weights.shape[1] for _, weights in tables)
    padded = [[np.pad(part, ((0, 0), (0, most - part.shape[1]))) for part in table] for table in tables]
    positions, weights = (np.stack(parts) for parts in zip(*padded, strict=True))
    return positions, weights


def mirrored(size: int, reach: int) -> np.ndarray:
    """Returns (size + 2 * reach,) indices: a line and its mirror images beyond both ends, the ends not repeated."""
    return np.pad(np.arange(size), reach, mode="reflect")


def means(op: ops.Blur, planes: Any, *, image_size: tuple[int, int], library: ArrayLibrary) -> Any:
    """Returns the weighted means of image pixels around every pixel, rounded to whole levels, halves up.

    Args:
        op: the kernel.
        planes: (N, 4, H + side - 1, W + side - 1) uint32, mirrored: three colours, 0 where the fourth is, which is 1
            for image pixels and 0 for fillers.
        image_size: (H, W), static.
        library: the array library.

    Returns:
        (N, 3, H, W) int32; 0 where no image pixel is near.
    """
    height, width = image_size
    weights = gaussian(op.sigma, op.side)
    # exact: 255 * 4096 * 4096 is below 2**32
    planes = _weighted([planes[:, :, i : i + height] for i in range(op.side)], weights, library)
    planes = _weighted([planes[..., i : i + width] for i in range(op.side)], weights, library)
    colours, total = planes[:, :3], planes[:, 3:]
    total = library.where(total < library.uint32(1), library.uint32(1), total)
    return library.int32((colours + library.shift_right(total, 1)) // total)


def _weighted(parts: Sequence[Any], weights: np.ndarray, library: ArrayLibrary) -> Any:
    pairs = [(part, int(weight)) for part, weight in zip(parts, weights, strict=True) if weight > 0]
    products = [part * library.uint32(weight) for part, weight in pairs]
    return sum(products[1:], start=products[0])
