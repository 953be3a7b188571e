"""ImageMagick's motion blur, on which motion_blur and snow rest: a one-sided Gaussian along a line of whole pixels."""

import math

import numpy as np


def weights(radius: float, sigma: float) -> np.ndarray:
    """Returns the weights of the pixels along the line, nearest first; (2 * ceil(radius) + 1,), sum 1."""
    places = np.arange(2 * math.ceil(radius) + 1)
    values = np.exp(-(places**2) / (2 * sigma**2)) / (math.sqrt(2 * math.pi) * sigma)
    return values / values.sum()


def offsets(angles: np.ndarray, width: int) -> np.ndarray:
    """Returns where the line of `width` pixels runs: (N, width, 2) whole numbers (y, x) for angles (N,) in degrees."""
    radians = np.deg2rad(angles)
    direction = np.stack([width * np.sin(radians), width * np.cos(radians)], axis=-1)
    length = np.hypot(direction[:, 0], direction[:, 1])[:, None, None]
    return np.ceil(np.arange(width)[:, None] * direction[:, None] / length - 0.5).astype(int)


def motion_blur(images: np.ndarray, angles: np.ndarray, radius: float, sigma: float) -> np.ndarray:
    """Blurs each image along its own line; pixels beyond the edge are those at the edge.

    Args:
        images: (N, H, W, C) uint8.
        angles: (N,) in degrees; 0 takes pixels from the right, 90 from below.
        radius: half the length of the line in pixels.
        sigma: of the Gaussian, in pixels.

    Returns:
        (N, H, W, C) uint8, rounded to 16 bits and truncated to 8.
    """
    line = weights(radius, sigma)
    width, (height, breadth) = len(line), images.shape[1:3]
    # Images whose lines are equal are done together: whole pixels leave few lines.
    lines, which = np.unique(offsets(angles, width), axis=0, return_inverse=True)
    order = np.argsort(which.reshape(-1), kind="stable")
    ends = np.cumsum(np.bincount(which.reshape(-1), minlength=len(lines)))
    reach = ((0, 0), (width, width), (width, width), (0, 0))
    padded = np.pad(images[order], reach, mode="edge") * 257.0
    total = np.empty(images.shape)
    for start, stop, steps in zip(np.concatenate([[0], ends]), ends, lines, strict=False):
        into = total[start:stop]
        into[:] = 0
        for weight, (down, right) in zip(line, steps, strict=True):
            top, left = width + down, width + right
            into += weight * padded[start:stop, top : top + height, left : left + breadth]
    blurred = np.empty_like(images)
    blurred[order] = np.floor((total + 0.5) / 257)
    return blurred
