"""The ops that change the size of images: windows cut out, and Pillow's antialiased bilinear filter."""

from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp

from sbn.augment import kernels
from sbn.augment.device.packing import MARK, merge, pick, split
from sbn.augment.device.words import JAX, below
from sbn.augment.inception import draw_windows
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
    target = op.size_after(image_size)
    grid = split(words).reshape(-1, 3, *image_size)
    for axis in (2, 3) if kernels.vertical_first(image_size, target) else (3, 2):
        positions, weights = kernels.resize(image_size[axis - 2], target[axis - 2])
        shape = [-1 if i == axis else 1 for i in range(4)]
        taps = range(positions.shape[1])
        grid = _rounded(grid.take(positions[:, t], axis=axis) * weights[:, t].reshape(shape) for t in taps)
    return _image(grid)


def _inception_crop(op: InceptionCrop, bits: jax.Array, words: jax.Array, image_size: Size) -> jax.Array:
    windows = draw_windows(op, bits, image_size=image_size, words=JAX)
    # Images whose rows come first are turned over before and after, so that columns come first for all of them.
    turned = kernels.vertical_first((windows.height, windows.width), (op.size, op.size))
    rows, columns = (windows.top, windows.height), (windows.left, windows.width)
    first = [jnp.where(turned, row, column) for row, column in zip(rows, columns, strict=True)]
    second = [jnp.where(turned, column, row) for row, column in zip(rows, columns, strict=True)]
    side = max(image_size)
    square = jnp.pad(words.reshape(-1, *image_size), [(0, 0), *((0, side - length) for length in image_size)])
    planes = split(_turned(square, turned).reshape(-1, side * side)).reshape(-1, 3, side, side)
    # The axis to be resized comes second, so that a tap of a window is whole lines.
    lines = _windowed(planes.transpose(0, 3, 1, 2).reshape(-1, side, 3 * side), *first, target=op.size)
    lines = lines.reshape(-1, op.size, 3, side).transpose(0, 3, 2, 1).reshape(-1, side, 3 * op.size)
    lines = _windowed(lines, *second, target=op.size)
    made = _image(lines.reshape(-1, op.size, 3, op.size).transpose(0, 2, 1, 3))
    return _turned(made.reshape(-1, op.size, op.size), turned).reshape(made.shape)


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


def _image(planes: jax.Array) -> jax.Array:
    """(N, 3, H, W) int32 -> (N, H * W) packed, all marked as image."""
    flat = planes.reshape(len(planes), 3, -1)
    return merge(flat, jnp.full_like(flat[:, 0], MARK))


def _turned(pixels: jax.Array, turned: jax.Array) -> jax.Array:
    """(N, S, S) with rows and columns exchanged where `turned`, (N,) bool."""
    return jnp.where(turned[:, None, None], pixels.transpose(0, 2, 1), pixels)


def _windowed(grid: jax.Array, start: jax.Array, length: jax.Array, *, target: int) -> jax.Array:
    """Resizes lines start .. start + length - 1 of (N, L, M) int32, each image its own, to (N, target, M)."""
    tables = kernels.resize_each(range(1, grid.shape[1] + 1), target)
    positions, weights = (jnp.asarray(table)[length - 1] for table in tables)
    positions += start[:, None, None]

    def tap(number: int) -> jax.Array:
        lines = jnp.take_along_axis(grid, positions[:, :, number, None], axis=1, mode="promise_in_bounds")
        return lines * weights[:, :, number, None]

    return _rounded(tap(number) for number in range(positions.shape[2]))


def _rounded(products: Iterable[jax.Array]) -> jax.Array:
    """The sum of pixels times weights, in Pillow's fixed point, as bytes."""
    total = sum(products, start=jnp.int32(1 << (kernels.RESIZE_BITS - 1)))
    return jnp.clip(total >> kernels.RESIZE_BITS, 0, 255)
