"""Flip, crop and cutout: any run of them is one gather.

All three treat rows and columns apart, so a run is followed backwards from the output: a row and a column coordinate
per image, which every op turns into those of its own input.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from sbn.augment import draws, ops
from sbn.augment.device.packing import pick
from sbn.augment.device.words import JAX, below

WINDOW_OPS = (ops.Flip, ops.Crop, ops.Cutout)


def apply_window(
    run: Sequence[tuple[ops.Op, jax.Array]], pixels: jax.Array, *, image_size: tuple[int, int]
) -> jax.Array:
    """Applies a run of flips, crops and cutouts.

    Args:
        run: (op, its draws (N, draws) uint32), in order.
        pixels: (N, H * W) int32 packed words.
        image_size: (H, W), static.

    Returns:
        (N, H * W) int32; uncovered pixels are 0 (filler).
    """
    height, width = image_size
    rows, columns = jnp.arange(height)[None], jnp.arange(width)[None]  # (1 or N, H): in the input of the ops so far
    filled = jnp.zeros((1, height, width), bool)
    for op, bits in reversed(run):
        if isinstance(op, ops.Flip):
            flipped = draws.unit(bits[:, :1], JAX) < op.probability
            columns = jnp.where(flipped, width - 1 - columns, columns)
        elif isinstance(op, ops.Crop):
            rows = _shifted(rows, bits[:, :1], op, height)
            columns = _shifted(columns, bits[:, 1:2], op, width)
        elif isinstance(op, ops.Cutout):
            filled |= (
                covered(rows, bits[:, :1], size=height, half=op.half)[:, :, None]
                & covered(columns, bits[:, 1:2], size=width, half=op.half)[:, None, :]
            )
    filled |= _outside(rows, height)[:, :, None] | _outside(columns, width)[:, None, :]
    index = jnp.where(filled, 0, rows[:, :, None] * width + columns[:, None, :])
    index, filled = (jnp.broadcast_to(x, (len(pixels), height, width)).reshape(pixels.shape) for x in (index, filled))
    return jnp.where(filled, 0, pick(pixels, index))


def _outside(coordinates: jax.Array, size: int) -> jax.Array:
    return (coordinates < 0) | (coordinates >= size)


def _shifted(coordinates: jax.Array, bits: jax.Array, op: ops.Crop, size: int) -> jax.Array:
    shifted = coordinates + below(bits, 2 * op.pad + 1) - op.pad
    if op.fill == "reflect":
        shifted = size - 1 - jnp.abs(size - 1 - jnp.abs(shifted))
    # A coordinate that a later crop already put outside must not come back in through this one.
    return jnp.where(_outside(coordinates, size), -1, shifted)


def covered(coordinates: jax.Array, bits: jax.Array, *, size: int, half: int) -> jax.Array:
    """Returns which coordinates (1 or N, size) a cutout of that reach covers, its centres drawn by bits (N, 1)."""
    centre = below(bits, size)
    return (coordinates >= centre - half) & (coordinates < centre + half)
