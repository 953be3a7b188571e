"""Where every output pixel of a geometric op comes from in AutoAugment's TensorFlow code.

Its quirks, each kept: a shear reads at x + s * y instead of at x + s * (y + 1/2), half a row off Pillow; a rotation is
about ((W - 1) / 2, (H - 1) / 2); positions are float32 and rounded to the nearest pixel, halves away from zero.
"""

import math
from typing import Any

import numpy as np

from sbn.augment.geometry import Positions, flat_indices
from sbn.augment.policies import GEOMETRY
from sbn.config.errors import unknown


def _matrix(op: str, argument: float, height: int, width: int) -> np.ndarray:
    if op == "Rotate":
        angle = np.float32(argument) * np.float32(math.pi / 180)
        cos, sin = np.cos(angle), np.sin(angle)
        right, low = np.float32(width - 1), np.float32(height - 1)
        x = (right - (cos * right - sin * low)) / np.float32(2)
        y = (low - (sin * right + cos * low)) / np.float32(2)
        return np.array([cos, -sin, x, sin, cos, y], np.float32)
    moved = {name: argument if op == name else 0.0 for name in GEOMETRY}
    rows = (1, moved["ShearX"], moved["TranslateX"]), (moved["ShearY"], 1, moved["TranslateY"])
    return np.array(rows, np.float32).reshape(-1)


def tf_positions(op: str, argument: float, *, image_size: tuple[int, int]) -> Positions:
    """Returns where every output pixel reads, in pixels, to be `rounded`: float32.

    The products are made here, so that only sums are left, which there is one way to round.

    Args:
        op: Rotate (degrees, counter-clockwise), ShearX, ShearY, TranslateX or TranslateY (pixels; positive moves the
            content left or up).
        argument: the signed argument.
        image_size: (height, width).

    Raises:
        ValueError: unknown op.
    """
    if op not in GEOMETRY:
        raise unknown("geometric op", op, GEOMETRY)
    height, width = image_size
    a, b, c, d, e, f = _matrix(op, argument, height, width)
    rows, columns = np.arange(height, dtype=np.float32), np.arange(width, dtype=np.float32)
    return Positions(a * columns, b * rows, np.asarray(c), d * columns, e * rows, np.asarray(f))


def rounded(position: Any, *, xp: Any = np) -> Any:
    """Returns the nearest whole number, halves away from zero; `xp` is `numpy` or `jax.numpy`."""
    return xp.copysign(xp.floor(xp.abs(position) + np.float32(0.5)), position)


def tf_source_map(op: str, argument: float, *, image_size: tuple[int, int]) -> np.ndarray:
    """Returns for every output pixel the flat index of the input pixel it shows, or `OUTSIDE`.

    Args:
        op: as `tf_positions` takes it.
        argument: the signed argument.
        image_size: (height, width).

    Returns:
        (height * width,) int32.

    Raises:
        ValueError: unknown op.
    """
    x, y = map(rounded, tf_positions(op, argument, image_size=image_size).added_up())
    return flat_indices(x, y, image_size=image_size).astype(np.int32)
