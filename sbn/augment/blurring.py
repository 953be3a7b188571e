"""Gaussian blur in whole numbers: the same lines and the same bits on every array library."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sbn.augment import kernels, ops
from sbn.augment.draws import Words


def mirrored(size: int, reach: int) -> np.ndarray:
    """Returns (size + 2 * reach,) indices: a line and its mirror images beyond both ends, the ends not repeated."""
    return np.pad(np.arange(size), reach, mode="reflect")


def means(op: ops.Blur, planes: Any, *, image_size: tuple[int, int], words: Words) -> Any:
    """Returns the weighted means of image pixels around every pixel, rounded to whole levels, halves up.

    Args:
        op: the kernel.
        planes: (N, 4, H + side - 1, W + side - 1) uint32, mirrored: three colours, 0 where the fourth is, which is 1
            for image pixels and 0 for fillers.
        image_size: (H, W), static.
        words: the array library.

    Returns:
        (N, 3, H, W) int32; 0 where no image pixel is near.
    """
    height, width = image_size
    weights = kernels.gaussian(op.sigma, op.side)
    # exact: 255 * 4096 * 4096 is below 2**32
    planes = _weighted([planes[:, :, i : i + height] for i in range(op.side)], weights, words)
    planes = _weighted([planes[..., i : i + width] for i in range(op.side)], weights, words)
    colours, total = planes[:, :3], planes[:, 3:]
    total = words.where(total < words.uint32(1), words.uint32(1), total)
    return words.int32((colours + words.shift_right(total, 1)) // total)


def _weighted(parts: Sequence[Any], weights: np.ndarray, words: Words) -> Any:
    pairs = [(part, int(weight)) for part, weight in zip(parts, weights, strict=True) if weight > 0]
    products = [part * words.uint32(weight) for part, weight in pairs]
    return sum(products[1:], start=products[0])
