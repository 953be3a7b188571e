"""Affine transforms with Pillow's bilinear filter, other positions for every image."""

import jax
import jax.numpy as jnp
import numpy as np

from sbn.augment.device import float64
from sbn.augment.device.arrays import pick
from sbn.augment.device.float64 import Double
from sbn.augment.geometry import Positions
from sbn.augment.packing import MARK

_OUTSIDE = -2  # before the first pixel's centre the neighbour is -1
_HALF = np.uint32(1 << 31)  # in units of 2**-32


def transform(words: jax.Array, positions: Positions, *, image_size: tuple[int, int], fill: int) -> jax.Array:
    """`Image.transform(..., BILINEAR)` in Pillow's own float64 arithmetic (`Geometry.c` of Pillow 13).

    Positions outside the image show `fill`; within half a pixel of its border the outermost pixels are repeated.

    Args:
        words: (N, H * W) int32 packed words, all marked as image.
        positions: of `Double`, (N, W), (N, H) or (N,): where the centres of pixels read, on a scale on which those of
            the input are whole numbers and a half.
        image_size: (H, W), static.
        fill: the word shown outside.

    Returns:
        (N, H * W) int32.
    """
    height, width = image_size
    # Loops, though of two and three rounds: what enters one is computed once. Compilers that fuse everything would
    # repeat the hundreds of integer operations of a position for every corner and channel that reads it.
    axes = jax.tree.map(lambda x, y: jnp.stack([x, y]), (positions[:3], width), (positions[3:], height))
    read = jax.tree.map(lambda part: part.reshape(2, *words.shape), jax.lax.map(_along, axes))
    left, right = jax.tree.map(lambda part: part[0], read)
    up, low = jax.tree.map(lambda part: part[1], read)
    corners = [
        pick(words, jnp.clip(up + down, 0, height - 1) * width + jnp.clip(left + across, 0, width - 1))
        for down in (0, 1)
        for across in (0, 1)
    ]

    def add_channel(number: jax.Array, merged: jax.Array) -> jax.Array:
        values = [corner >> 8 * number & 255 for corner in corners]
        right_share, low_share = map(float64.from_fraction, (right, low))
        upper, lower = (
            float64.add(float64.from_int(start), float64.multiply(float64.from_int(end - start), right_share))
            for start, end in (values[:2], values[2:])
        )
        rise = float64.add(lower, float64.negate(upper))
        value, _ = float64.floor(float64.add(upper, float64.multiply(rise, low_share)))
        return merged | value << 8 * number

    merged = jax.lax.fori_loop(0, 3, add_channel, words & MARK)
    return jnp.where((left == _OUTSIDE) | (up == _OUTSIDE), fill, merged)


def positions(matrices: np.ndarray, *, image_size: tuple[int, int]) -> Positions:
    """Returns what (M, 6) float64 matrices (a, b, c, d, e, f) read: (a, b, c) * (x + 1/2, y + 1/2, 1), y likewise."""
    height, width = image_size
    a, b, c, d, e, f = np.asarray(matrices, np.float64).T[..., None]
    column, row = np.arange(width) + 0.5, np.arange(height) + 0.5
    parts = (a * column, b * row, c[:, 0], d * column, e * row, f[:, 0])
    return Positions(*map(float64.constant, parts))


def _along(axis: tuple[tuple[Double, Double, Double], jax.Array]) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    """Along one axis, (N, H, W) each: the neighbour before, or `_OUTSIDE`, and how far behind it a pixel reads."""
    (column, row, rest), size = axis
    column, row = Double(*(part[:, None, :] for part in column)), Double(*(part[:, :, None] for part in row))
    position = float64.add(float64.add(column, row), Double(*(part[:, None, None] for part in rest)))
    whole, (high, low) = float64.floor(position)
    # Half a pixel less, exactly: where that would round, before the first centre, both neighbours are the same.
    before = whole - (high < _HALF)
    return jnp.where(float64.between(position, size), before, _OUTSIDE), (high ^ _HALF, low)
