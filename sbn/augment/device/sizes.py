"""The ops that change the size of images: windows cut out, and Pillow's antialiased bilinear filter."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from sbn.augment import kernels
from sbn.augment.device.packing import MARK, merge, pick, split
from sbn.augment.device.words import JAX, below
from sbn.augment.inception import Windows, draw_windows
from sbn.augment.size_ops import CentreCrop, InceptionCrop, RandomCrop, Resize, Size, SizeOp


def apply_size_op(op: SizeOp, bits: jax.Array, words: jax.Array, *, image_size: Size) -> jax.Array:
    """Applies one of `SIZE_OPS`.

    Args:
        op: which.
        bits: (N, draws) uint32.
        words: (N, H * W) int32 packed.
        image_size: (H, W), static.

    Returns:
        (N, H' * W') int32 packed, of the op's `size_after`.
    """
    return _FUNCTIONS[type(op)](op, bits, words, image_size)


def _random_crop(op: RandomCrop, bits: jax.Array, words: jax.Array, image_size: Size) -> jax.Array:
    top, left = (below(bits[:, axis, None], side - op.size + 1) for axis, side in enumerate(image_size))
    return _cut(words, top, left, image_size=image_size, size=op.size)


def _centre_crop(op: CentreCrop, bits: jax.Array, words: jax.Array, image_size: Size) -> jax.Array:
    top, left = (jnp.full((1, 1), (side - op.size) // 2) for side in image_size)
    return _cut(words, top, left, image_size=image_size, size=op.size)


def _resize(op: Resize, bits: jax.Array, words: jax.Array, image_size: Size) -> jax.Array:
    start, (height, width) = jnp.zeros(len(words), jnp.int32), image_size
    whole = Windows(start, start, start + height, start + width)
    lengths = [range(side, side + 1) for side in image_size]
    return _resized(words, whole, lengths, image_size=image_size, target=op.size_after(image_size))


def _inception_crop(op: InceptionCrop, bits: jax.Array, words: jax.Array, image_size: Size) -> jax.Array:
    windows = draw_windows(op, bits, image_size=image_size, words=JAX)
    lengths = [range(1, side + 1) for side in image_size]
    return _resized(words, windows, lengths, image_size=image_size, target=op.size_after(image_size))


_FUNCTIONS: dict[type[SizeOp], Callable[[Any, jax.Array, jax.Array, Size], jax.Array]] = {
    RandomCrop: _random_crop,
    InceptionCrop: _inception_crop,
    Resize: _resize,
    CentreCrop: _centre_crop,
}


def _cut(words: jax.Array, top: jax.Array, left: jax.Array, *, image_size: Size, size: int) -> jax.Array:
    """The size x size window of every image whose corner is at top, left ((N or 1, 1) int32)."""
    rows, columns = top + jnp.arange(size), left + jnp.arange(size)
    index = (rows[:, :, None] * image_size[1] + columns[:, None, :]).reshape(len(top), size * size)
    return pick(words, jnp.broadcast_to(index, (len(words), size * size)))


def _resized(
    words: jax.Array, windows: Windows, lengths: Sequence[range], *, image_size: Size, target: Size
) -> jax.Array:
    """Windows resized to the target; `lengths` are the heights and the widths that they may have."""
    height, width = image_size
    # The axis to be resized comes second, so that a tap of a window is whole lines.
    columns = split(words).reshape(-1, 3, height, width).transpose(0, 3, 1, 2).reshape(-1, width, 3 * height)
    lines = _along(columns, windows.left, windows.width, lengths[1], target=target[1])
    rows = lines.reshape(-1, target[1], 3, height).transpose(0, 3, 2, 1).reshape(-1, height, 3 * target[1])
    lines = _along(rows, windows.top, windows.height, lengths[0], target=target[0])
    planes = lines.reshape(-1, target[0], 3, target[1]).transpose(0, 2, 1, 3).reshape(-1, 3, target[0] * target[1])
    return merge(planes, jnp.full_like(planes[:, 0], MARK))


def _along(grid: jax.Array, start: jax.Array, length: jax.Array, lengths: range, *, target: int) -> jax.Array:
    """Resizes lines start .. start + length - 1 of (N, L, M) int32, each image its own, to (N, target, M)."""
    tables = kernels.resize_each(lengths, target)
    positions, weights = (jnp.asarray(table)[length - lengths.start] for table in tables)
    positions += start[:, None, None]
    total = jnp.int32(1 << (kernels.RESIZE_BITS - 1))
    for tap in range(positions.shape[2]):
        lines = jnp.take_along_axis(grid, positions[:, :, tap, None], axis=1, mode="promise_in_bounds")
        total += lines * weights[:, :, tap, None]
    return jnp.clip(total >> kernels.RESIZE_BITS, 0, 255)
