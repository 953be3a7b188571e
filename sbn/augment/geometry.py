"""Where every output pixel of a geometric op comes from: Pillow's nearest-neighbour transforms as index maps.

Arguments take few values (one level, two signs), so a map is made once, in NumPy, by Pillow's own arithmetic
(`Geometry.c` of Pillow 13: 16.16 fixed point), and both data paths only gather.
"""

import math

import numpy as np

from sbn.augment.policies import GEOMETRY
from sbn.config.errors import unknown

OUTSIDE = -1

Matrix = tuple[float, float, float, float, float, float]


def rotation(degrees: float, height: int, width: int) -> Matrix:
    """Returns `Image.rotate`'s matrix: about (W/2, H/2), counter-clockwise, for an angle in 0..360."""
    # rounded to 15 decimals, as Pillow does
    radians = -math.radians(degrees)
    a, b = round(math.cos(radians), 15), round(math.sin(radians), 15)
    d, e = -b, a
    x, y = width / 2, height / 2
    return (a, b, a * -x + b * -y + x, d, e, d * -x + e * -y + y)


def _matrix(op: str, argument: float, height: int, width: int) -> Matrix:
    """Returns (a, b, c, d, e, f): output (x, y) reads input (a*x + b*y + c, d*x + e*y + f)."""
    if op == "Rotate":
        return rotation(argument % 360, height, width)
    shear_x = argument if op == "ShearX" else 0.0
    shear_y = argument if op == "ShearY" else 0.0
    x = argument if op == "TranslateX" else 0.0
    y = argument if op == "TranslateY" else 0.0
    return (1.0, shear_x, x, shear_y, 1.0, y)


def _fixed(value: float) -> int:
    return math.floor(value * 65536 + 0.5)


def source_map(op: str, argument: float, *, image_size: tuple[int, int]) -> np.ndarray:
    """Returns for every output pixel the flat index of the input pixel it shows, or `OUTSIDE`.

    Args:
        op: Rotate (degrees, counter-clockwise), ShearX, ShearY, TranslateX or TranslateY (pixels; positive moves the
            content left or up).
        argument: the signed argument.
        image_size: (height, width).

    Returns:
        (height * width,) int32.

    Raises:
        ValueError: unknown op.
    """
    if op not in GEOMETRY:
        raise unknown("geometric op", op, GEOMETRY)
    height, width = image_size
    rows, columns = np.arange(height)[:, None], np.arange(width)[None, :]
    quarters, rest = divmod(argument % 360, 90) if op == "Rotate" else (0, 1)
    if rest == 0 and (quarters % 2 == 0 or height == width):
        # Image.rotate turns these by transposing, without any arithmetic
        indices = np.arange(height * width).reshape(height, width)
        return np.rot90(indices, int(quarters)).reshape(-1).astype(np.int32)
    a, b, c, d, e, f = _matrix(op, argument, height, width)
    if b == 0 and d == 0:
        # the pure scale and translation loop truncates a float, negatives being outside
        x = np.broadcast_to(np.floor(c + a / 2 + a * columns), (height, width))
        y = np.broadcast_to(np.floor(f + e / 2 + e * rows), (height, width))
    else:
        x = (_fixed(c + a / 2 + b / 2) + columns * _fixed(a) + rows * _fixed(b)) >> 16
        y = (_fixed(f + d / 2 + e / 2) + columns * _fixed(d) + rows * _fixed(e)) >> 16
    return flat_indices(x, y, image_size=image_size)


def flat_indices(x: np.ndarray, y: np.ndarray, *, image_size: tuple[int, int]) -> np.ndarray:
    """Returns the (H * W,) int32 flat indices of whole-numbered positions x and y, (H, W); `OUTSIDE` off the image."""
    height, width = image_size
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return np.where(inside, y * width + x, OUTSIDE).reshape(-1).astype(np.int32)
