"""Pillow's antialiased bilinear filter, the ops that resize with it, and the Gaussian blur, in JAX.

Fillers count as the colour that stands under them when resized, and what comes out is all image. Labels of a mask are
those of the nearest pixel.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from sbn.augment import filters, ops, size_ops
from sbn.augment.device.arrays import JAX, marked, merge, pick, split
from sbn.augment.device.crops import show
from sbn.augment.inception import Windows
from sbn.augment.packing import MARK, fill_word
from sbn.augment.size_ops import Size


def apply_resize_and_pad(op: ops.ResizeAndPad, place: Sequence[Any], words: jax.Array, image_size: Size) -> jax.Array:
    """Shrinks to (size, size) and pads to the old size.

    Args:
        op: size, placement and fill.
        place: row and column of the upper left corner, (N or 1, 1) int32 each.
        words: (N, H * W) int32 packed.
        image_size: (H, W), static.

    Returns:
        (N, H * W) int32. Fillers count as the colour that stands under them; what is shrunk is all image.
    """
    small = _resized(words, image_size=image_size, target=(op.size, op.size))
    row, column = (jnp.arange(size)[None] - start for size, start in zip(image_size, place, strict=True))
    return show(small, row, column, image_size=(op.size, op.size), fill=fill_word(op.fill))


def apply_resize(op: size_ops.Resize, place: None, words: jax.Array, image_size: Size) -> jax.Array:
    """Resizes to `op.size_after(image_size)`.

    Args:
        op: the size.
        place: it has none.
        words: (N, H * W) int32 packed.
        image_size: (H, W), static.

    Returns:
        (N, H' * W') int32, all marked as image.
    """
    return _resized(words, image_size=image_size, target=op.size_after(image_size))


def apply_inception_crop(op: size_ops.InceptionCrop, place: Windows, words: jax.Array, image_size: Size) -> jax.Array:
    """Cuts a window out of every image and resizes it.

    Args:
        op: size, area and ratio.
        place: the windows.
        words: (N, H * W) int32 packed.
        image_size: (H, W), static.

    Returns:
        (N, size * size) int32, all marked as image.
    """
    # Images whose rows come first are turned over before and after, so that columns come first for all of them.
    turned = filters.vertical_first((place.height, place.width), (op.size, op.size))
    rows, columns = (place.top, place.height), (place.left, place.width)
    first = [jnp.where(turned, row, column) for row, column in zip(rows, columns, strict=True)]
    second = [jnp.where(turned, column, row) for row, column in zip(rows, columns, strict=True)]
    side = max(image_size)
    square = jnp.pad(words.reshape(-1, *image_size), [(0, 0), *((0, side - length) for length in image_size)])
    planes = split(_turned(square, turned).reshape(-1, side * side)).reshape(-1, 3, side, side)
    # The axis to be resized comes second, so that a tap of a window is whole lines.
    lines = _windowed(planes.transpose(0, 3, 1, 2).reshape(-1, side, 3 * side), *first, target=op.size)
    lines = lines.reshape(-1, op.size, 3, side).transpose(0, 3, 2, 1).reshape(-1, side, 3 * op.size)
    lines = _windowed(lines, *second, target=op.size)
    planes = lines.reshape(-1, op.size, 3, op.size).transpose(0, 2, 1, 3).reshape(-1, 3, op.size * op.size)
    made = merge(planes, jnp.zeros_like(planes[:, 0]))
    colours = _turned(made.reshape(-1, op.size, op.size), turned).reshape(made.shape)
    return colours | _marks_in(place, words, image_size=image_size, target=op.size)


def _marks_in(place: Windows, words: jax.Array, *, image_size: Size, target: int) -> jax.Array:
    """The marks (N, target * target), nearest, of windows of images (N, H * W)."""
    row, column = (
        start[:, None] + jnp.asarray(filters.nearest_each(range(1, size + 1), target))[length - 1]
        for start, length, size in zip((place.top, place.left), (place.height, place.width), image_size, strict=True)
    )
    index = row[:, :, None] * image_size[1] + column[:, None, :]
    return marked(pick(words, index.reshape(len(words), target * target))) & MARK


def _resized(words: jax.Array, *, image_size: Size, target: Size) -> jax.Array:
    """(N, H * W) words to (N, H' * W'): Pillow's fixed-point arithmetic along one axis, then the other."""
    grid, marks = split(words).reshape(-1, 3, *image_size), words.reshape(-1, *image_size)
    for axis in (2, 3) if filters.vertical_first(image_size, target) else (3, 2):
        size, after = image_size[axis - 2], target[axis - 2]
        positions, weights = filters.resize(size, after)
        shape = [-1 if i == axis else 1 for i in range(4)]
        taps = range(positions.shape[1])
        marks = jnp.take(marks, filters.nearest(size, after), axis=axis - 1, mode="clip")
        grid = _rounded(
            jnp.take(grid, positions[:, t], axis=axis, mode="clip") * weights[:, t].reshape(shape) for t in taps
        )
    area = target[0] * target[1]
    return merge(grid.reshape(-1, 3, area), marked(marks.reshape(-1, area)))


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
