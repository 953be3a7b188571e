"""Affine transforms with Pillow's bilinear filter, other positions for every image."""

import jax
import jax.numpy as jnp
import numpy as np

from sbn.augment.device import fixed_point
from sbn.augment.device.arrays import pick
from sbn.augment.device.fixed_point import Fixed
from sbn.augment.geometry import Positions
from sbn.augment.packing import MARK

_HALF = np.uint32(1 << 31)  # in units of 2**-32
_SHARE_BITS = 24  # of how far a position is from one pixel to the next
_WHOLE = np.uint32(1 << _SHARE_BITS)


def transform(words: jax.Array, positions: Positions, *, image_size: tuple[int, int], fill: int) -> jax.Array:
    """`Image.transform(..., BILINEAR)` (`Geometry.c` of Pillow 13), in integers instead of float64.

    Positions outside the image show `fill`; within half a pixel of its border the outermost pixels are repeated.
    Shares are rounded to 2**-24, by which values move by less than 2**-16 levels before they are truncated: about one
    in a million is one level away from Pillow's. Where many exact values are whole (turns by 30 degrees, whose sine is
    1/2, of images with odd sides), it is one in ten thousand.

    Args:
        words: (N, H * W) int32 packed words, all marked as image.
        positions: of `Fixed`, (N, W), (N, H) or (N,): where the centres of pixels read, on a scale on which those of
            the input are whole numbers and a half.
        image_size: (H, W), static.
        fill: the word shown outside.

    Returns:
        (N, H * W) int32.
    """
    height, width = image_size
    # Loops, though of two and three rounds: what enters one is computed once. Compilers that fuse everything would
    # compute a position anew for every corner and channel that reads it.
    axes = jax.tree.map(lambda x, y: jnp.stack([x, y]), (positions[:3], width), (positions[3:], height))
    along = [part.reshape(2, *words.shape) for part in jax.lax.map(_along, axes)]
    (left, up), (right, low), inside = along
    corners = [
        pick(words, jnp.clip(up + down, 0, height - 1) * width + jnp.clip(left + across, 0, width - 1))
        for down in (0, 1)
        for across in (0, 1)
    ]

    def add_channel(number: jax.Array, merged: jax.Array) -> jax.Array:
        values = [(corner >> 8 * number & 255).astype(jnp.uint32) for corner in corners]
        upper, lower = (start * (_WHOLE - right) + end * right for start, end in (values[:2], values[2:]))
        (high, rest), (more, more_rest) = fixed_point.wide(upper, _WHOLE - low), fixed_point.wide(lower, low)
        carry = (rest + more_rest < rest).astype(jnp.uint32)
        value = (high + more + carry) >> (2 * _SHARE_BITS - 32)
        return merged | value.astype(jnp.int32) << 8 * number

    merged = jax.lax.fori_loop(0, 3, add_channel, words & MARK)
    return jnp.where(inside.all(axis=0), merged, fill)


def positions(matrices: np.ndarray, *, image_size: tuple[int, int]) -> Positions:
    """Returns what (M, 6) float64 matrices (a, b, c, d, e, f) read: (a, b, c) * (x + 1/2, y + 1/2, 1), y likewise."""
    height, width = image_size
    a, b, c, d, e, f = np.asarray(matrices, np.float64).T[..., None]
    column, row = np.arange(width) + 0.5, np.arange(height) + 0.5
    parts = (a * column, b * row, c[:, 0], d * column, e * row, f[:, 0])
    return Positions(*map(fixed_point.constant, parts))


def _along(axis: tuple[tuple[Fixed, Fixed, Fixed], jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Along one axis, (N, H, W) each: the neighbour before, how far behind it a pixel reads, and if that is inside."""
    (column, row, rest), size = axis
    column, row = Fixed(*(part[:, None, :] for part in column)), Fixed(*(part[:, :, None] for part in row))
    whole, fraction = fixed_point.add(fixed_point.add(column, row), Fixed(*(part[:, None, None] for part in rest)))
    share = fraction ^ _HALF  # half a pixel less
    share = (share >> (32 - _SHARE_BITS)) + (share >> (31 - _SHARE_BITS) & 1)
    return whole - (fraction < _HALF), share, (whole >= 0) & (whole < size)
