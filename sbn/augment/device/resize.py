"""Shrinking an image and putting it on a canvas of the old size."""

import jax
import jax.numpy as jnp

from sbn.augment import kernels, ops
from sbn.augment.device.packing import merge, split
from sbn.augment.device.window import show
from sbn.augment.device.words import below
from sbn.augment.packing import MARK, fill_word


def apply_resize_and_pad(
    op: ops.ResizeAndPad, bits: jax.Array, words: jax.Array, image_size: tuple[int, int]
) -> jax.Array:
    """Shrinks to (size, size) and pads to the old size.

    Args:
        op: size, placement and fill.
        bits: (N, 2) uint32: row and column of the upper left corner, used by `placement='random'`.
        words: (N, H * W) int32 packed.
        image_size: (H, W), static.

    Returns:
        (N, H * W) int32. Fillers count as the colour that stands under them; what is shrunk is all image.
    """
    grid = split(words).reshape(-1, 3, *image_size)
    for axis in (3, 2):  # Pillow's order, bytes in between
        grid = _resized(grid, axis=axis, target=op.size)
    planes = grid.reshape(-1, 3, op.size * op.size)
    small = merge(planes, jnp.full_like(planes[:, 0], MARK))
    room = [size - op.size for size in image_size]
    if op.placement == "random":
        top, left = (below(bits[:, axis, None], space + 1) for axis, space in enumerate(room))
    else:
        top, left = (jnp.full((1, 1), space // 2 if op.placement == "centre" else 0) for space in room)
    row, column = (jnp.arange(size)[None] - start for size, start in zip(image_size, (top, left), strict=True))
    return show(small, row, column, image_size=(op.size, op.size), fill=fill_word(op.fill))


def _resized(grid: jax.Array, *, axis: int, target: int) -> jax.Array:
    """One axis of (N, 3, H, W) int32 by Pillow's fixed-point arithmetic."""
    positions, weights = kernels.resize(grid.shape[axis], target)
    shape = [-1 if i == axis else 1 for i in range(4)]
    total = jnp.int32(1 << (kernels.RESIZE_BITS - 1))
    for tap in range(positions.shape[1]):
        total += jnp.take(grid, positions[:, tap], axis=axis, mode="clip") * weights[:, tap].reshape(shape)
    return jnp.clip(total >> kernels.RESIZE_BITS, 0, 255)
