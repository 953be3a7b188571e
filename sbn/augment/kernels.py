"""Filter weights, in NumPy: the blur's Gaussian, and those that Pillow resizes with."""

import math

import numpy as np

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
        (target, taps) int32 positions, and (target, taps) int32 weights in units of 2**-22; unused taps weigh 0.
    """
    scale = size / target
    stretch = max(scale, 1.0)  # shrinking widens the filter
    taps = math.ceil(stretch) * 2 + 1
    positions, weights = np.zeros((target, taps), np.int32), np.zeros((target, taps), np.int32)
    for number in range(target):
        centre = (number + 0.5) * scale
        first, end = max(int(centre - stretch + 0.5), 0), min(int(centre + stretch + 0.5), size)
        found = [max(0.0, 1.0 - abs((at - centre + 0.5) / stretch)) for at in range(first, end)]
        total = sum(found)
        for tap, weight in enumerate(found):
            positions[number, tap] = first + tap
            weights[number, tap] = int(weight / total * (1 << RESIZE_BITS) + 0.5)
    return positions, weights
