"""Where every output pixel of a geometric op comes from: nearest-neighbour transforms, Pillow's and TensorFlow's.

Arguments take few values (one level, two signs), so an op is made once, in NumPy, by Pillow's own arithmetic
(`Geometry.c` of Pillow 13: 16.16 fixed point): as an index map, or, where maps would be too large, as `Positions`.

AutoAugment's TensorFlow code (`tf_positions`) has quirks, each kept: a shear reads at x + s * y instead of at
x + s * (y + 1/2), half a row off Pillow; a rotation is about ((W - 1) / 2, (H - 1) / 2); positions are float32 and
rounded to the nearest pixel, halves away from zero.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from sbn.augment.boxes import UNIT, BoxMap
from sbn.augment.policies import GEOMETRY
from sbn.config.errors import unknown

OUTSIDE = -1

Matrix = tuple[float, float, float, float, float, float]


class Positions(NamedTuple):
    """Where every output pixel reads: at (by column + by row) + constant, along either axis of the input.

    Attributes:
        x_column: (..., W), what an output pixel's column contributes to the input column.
        x_row: (..., H), what its row contributes.
        x: (...) the rest.
        y_column: (..., W) likewise to the input row.
        y_row: (..., H).
        y: (...).
    """

    x_column: Any
    x_row: Any
    x: Any
    y_column: Any
    y_row: Any
    y: Any

    def added_up(self) -> tuple[Any, Any]:
        """Returns x and y, (..., H, W) each, added in the order that the class names."""
        x = (self.x_column[..., None, :] + self.x_row[..., :, None]) + self.x[..., None, None]
        y = (self.y_column[..., None, :] + self.y_row[..., :, None]) + self.y[..., None, None]
        return x, y


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


def _quarter_turns(quarters: int, height: int, width: int) -> Matrix:
    """The matrix that `Image.rotate` spares itself for multiples of 90 degrees, by transposing, on whole pixels."""
    turns: list[Matrix] = [
        (1, 0, 0, 0, 1, 0),
        (0, -1, width - 1, 1, 0, 0),
        (-1, 0, width - 1, 0, -1, height - 1),
        (0, 1, 0, -1, 0, height - 1),
    ]
    return turns[quarters]


def positions(op: str, argument: float, *, image_size: tuple[int, int]) -> Positions:
    """Returns where every output pixel reads, in units of 2**-16 pixels, to be rounded down: int64.

    Below 2**31, and so safe in 32 bits, for images up to 4096 x 4096 and the arguments that policies have.

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
    quarters, rest = divmod(argument % 360, 90) if op == "Rotate" else (0, 1)
    if rest == 0 and (quarters % 2 == 0 or height == width):
        a, b, c, d, e, f = _quarter_turns(int(quarters), height, width)
    else:
        a, b, c, d, e, f = _matrix(op, argument, height, width)
        # Pixels' centres; the loop for pure translations truncates a float, all others round to fixed point first.
        c, f = c + a / 2 + b / 2, f + d / 2 + e / 2
        if b == 0 and d == 0:
            c, f = math.floor(c), math.floor(f)
    rows, columns = np.arange(height), np.arange(width)
    a, b, c, d, e, f = map(_fixed, (a, b, c, d, e, f))
    return Positions(columns * a, rows * b, np.asarray(c), columns * d, rows * e, np.asarray(f))


def source_map(op: str, argument: float, *, image_size: tuple[int, int]) -> np.ndarray:
    """Returns for every output pixel the flat index of the input pixel it shows, or `OUTSIDE`.

    Args:
        op: as `positions` takes it.
        argument: the signed argument.
        image_size: (height, width).

    Returns:
        (height * width,) int32.

    Raises:
        ValueError: unknown op.
    """
    x, y = positions(op, argument, image_size=image_size).added_up()
    return flat_indices(x >> 16, y >> 16, image_size=image_size).astype(np.int32)


def flat_indices(x: Any, y: Any, *, image_size: tuple[int, int], xp: Any = np) -> Any:
    """Returns the flat indices (..., H * W) of whole-numbered positions x and y, (..., H, W); `OUTSIDE` off the image.

    `xp` is `numpy` or `jax.numpy`.
    """
    height, width = image_size
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return xp.where(inside, y * width + x, OUTSIDE).reshape(*x.shape[:-2], height * width)


def _tf_matrix(op: str, argument: float, height: int, width: int) -> np.ndarray:
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
    a, b, c, d, e, f = _tf_matrix(op, argument, height, width)
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


def box_map(op: str, argument: float, *, image_size: tuple[int, int], semantics: str) -> BoxMap:
    """Returns what a geometric op does to positions, as numbers.

    Pixels show the one nearest to where they read, so that the pixels of a box may lie up to one pixel off its mapped
    edges; after translations, which are by whole pixels, they lie on them.

    Args:
        op: as `positions` takes it.
        argument: the signed argument.
        image_size: (height, width).
        semantics: whose op, 'pillow' or 'tf'.
    """
    if semantics == "pillow":
        a, b, c, d, e, f = _matrix(op, argument, *image_size)
    else:  # from middles of pixels, which are whole there, to their edges
        a, b, c, d, e, f = map(float, _tf_matrix(op, argument, *image_size))
        c, f = c + (1 - a - b) / 2, f + (1 - d - e) / 2
    if op in ("TranslateX", "TranslateY"):
        c, f = math.floor(c + 0.5), math.floor(f + 0.5)
    size = a * e - b * d
    y0, x0 = (round(start / size * UNIT) / UNIT for start in (d * c - a * f, b * f - e * c))
    return BoxMap(yy=a / size, yx=-d / size, y0=y0, xy=-b / size, xx=e / size, x0=x0, area=1 / abs(size))
