"""Pillow's antialiased bilinear filter, the ops that resize with it, and the Gaussian blur, in JAX."""

from collections.abc import Iterable

import jax
import jax.numpy as jnp

from sbn.augment import filters, ops, size_ops
from sbn.augment.device.arrays import JAX, below, merge, split
from sbn.augment.device.crops import show
from sbn.augment.inception import draw_windows
from sbn.augment.packing import MARK, fill_word
from sbn.augment.size_ops import Size


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
    small = _resized(words, image_size=image_size, target=(op.size, op.size))
    room = [size - op.size for size in image_size]
    if op.placement == "random":
        top, left = (below(bits[:, axis, None], space + 1) for axis, space in enumerate(room))
    else:
        top, left = (jnp.full((1, 1), space // 2 if op.placement == "centre" else 0) for space in room)
    row, column = (jnp.arange(size)[None] - start for size, start in zip(image_size, (top, left), strict=True))
    return show(small, row, column, image_size=(op.size, op.size), fill=fill_word(op.fill))


def apply_resize(op: size_ops.Resize, bits: jax.Array, words: jax.Array, image_size: Size) -> jax.Array:
    """Resizes to `op.size_after(image_size)`.

    Args:
        op: the size.
        bits: (N, 0).
        words: (N, H * W) int32 packed.
        image_size: (H, W), static.

    Returns:
        (N, H' * W') int32, all marked as image.
    """
    return _resized(words, image_size=image_size, target=op.size_after(image_size))


def apply_inception_crop(op: size_ops.InceptionCrop, bits: jax.Array, words: jax.Array, image_size: Size) -> jax.Array:
    """Cuts out the window that the draws stand for and resizes it.

    Args:
        op: size, area and ratio.
        bits: (N, 22) uint32, laid out as `sbn.augment.inception` says.
        words: (N, H * W) int32 packed.
        image_size: (H, W), static.

    Returns:
        (N, size * size) int32, all marked as image.
    """
    windows = draw_windows(op, bits, image_size=image_size, library=JAX)
    # Images whose rows come first are turned over before and after, so that columns come first for all of them.
    turned = filters.vertical_first((windows.height, windows.width), (op.size, op.size))
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


def _resized(words: jax.Array, *, image_size: Size, target: Size) -> jax.Array:
    """(N, H * W) words to (N, H' * W'): Pillow's fixed-point arithmetic along one axis, then the other."""
    grid = split(words).reshape(-1, 3, *image_size)
    for axis in (2, 3) if filters.vertical_first(image_size, target) else (3, 2):
        positions, weights = filters.resize(image_size[axis - 2], target[axis - 2])
        shape = [-1 if i == axis else 1 for i in range(4)]
        taps = range(positions.shape[1])
        grid = _rounded(
            jnp.take(grid, positions[:, t], axis=axis, mode="clip") * weights[:, t].reshape(shape) for t in taps
        )
    return _image(grid)


def _image(planes: jax.Array) -> jax.Array:
    """(N, 3, H, W) int32 -> (N, H * W) packed, all marked as image."""
    flat = planes.reshape(-1, 3, planes.shape[2] * planes.shape[3])
    return merge(flat, jnp.full_like(flat[:, 0], MARK))


def _turned(pixels: jax.Array, turned: jax.Array) -> jax.Array:
    """(N, S, S) with rows and columns exchanged where `turned`, (N,) bool."""
    return jnp.where(turned[:, None, None], pixels.transpose(0, 2, 1), pixels)


def _windowed(grid: jax.Array, start: jax.Array, length: jax.Array, *, target: int) -> jax.Array:
    """Resizes lines start .. start + length - 1 of (N, L, M) int32, each image its own, to (N, target, M)."""
    tables = filters.resize_each(range(1, grid.shape[1] + 1), target)
    positions, weights = (jnp.asarray(table)[length - 1] for table in tables)
    positions += start[:, None, None]

    def tap(number: int) -> jax.Array:
        lines = jnp.take_along_axis(grid, positions[:, :, number, None], axis=1, mode="promise_in_bounds")
        return lines * weights[:, :, number, None]

    return _rounded(tap(number) for number in range(positions.shape[2]))


def _rounded(products: Iterable[jax.Array]) -> jax.Array:
    """The sum of pixels times weights, in Pillow's fixed point, as bytes."""
    total = sum(products, start=jnp.int32(1 << (filters.RESIZE_BITS - 1)))
    return jnp.clip(total >> filters.RESIZE_BITS, 0, 255)


def apply_blur(op: ops.Blur, bits: jax.Array, words: jax.Array, image_size: tuple[int, int]) -> jax.Array:
    """Blurs and rounds to whole levels, halves up.

    Args:
        op: kernel.
        bits: (N, 0) uint32: it draws nothing.
        words: (N, H * W) int32 packed.
        image_size: (H, W), static.

    Returns:
        (N, H * W) int32. Fillers stay and are left out of their neighbours' means.
    """
    del bits
    height, width = image_size
    is_image = words & MARK != 0
    mark = is_image.astype(jnp.int32)[:, None]
    grid = jnp.concatenate([split(words) * mark, mark], axis=1).reshape(-1, 4, height, width)
    rows, columns = (filters.mirrored(size, op.side // 2) for size in image_size)
    grid = grid[:, :, rows][..., columns].astype(jnp.uint32)
    means = filters.means(op, grid, image_size=image_size, library=JAX)
    return jnp.where(is_image, merge(means.reshape(-1, 3, height * width), words), words)
