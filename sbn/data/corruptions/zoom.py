"""Zooming into the middle of square images by linear interpolation, as the released code and scipy's `zoom` do."""

import math

import numpy as np


def plan(side: int, factor: float) -> tuple[int, int]:
    """Returns (width of the middle that is kept, side of what it is enlarged to) for a zoom of images of `side`."""
    crop = math.ceil(side / factor)
    return crop, round(crop * factor)


def clipped_zoom(values: np.ndarray, crop: int, size: int) -> np.ndarray:
    """Enlarges the middle of square images and cuts off what sticks out.

    Args:
        values: (N, S, S, C) float.
        crop: side of the middle to enlarge.
        size: side of the enlarged middle, at least S: pixel i of it lies at i * (crop - 1) / (size - 1) of the middle.

    Returns:
        (N, S, S, C), computed in float64 and rounded to the dtype of `values`.
    """
    count, side, _, channels = values.shape
    if crop == size == side:
        return values
    top, trim = (side - crop) // 2, (size - side) // 2
    place = np.arange(trim, trim + side) * ((crop - 1) / (size - 1))
    first = np.minimum(place.astype(int), crop - 2)
    weight = place - first
    first += top
    rows = values.astype(np.float64).reshape(count, side, side * channels)
    rows = rows.take(first, axis=1) * (1 - weight[:, None]) + rows.take(first + 1, axis=1) * weight[:, None]
    # one column after the other, each with its channels: long rows of plain numbers
    first = (channels * first[:, None] + np.arange(channels)).reshape(-1)
    weight = weight.repeat(channels)
    mixed = rows.take(first, axis=2) * (1 - weight) + rows.take(first + channels, axis=2) * weight
    return mixed.astype(values.dtype).reshape(values.shape)
