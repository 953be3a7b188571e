"""Pillow's antialiased bilinear filter, the ops that resize with it, and the Gaussian blur, in TensorFlow.

Fillers count as the colour that stands under them when resized, and what comes out is all image. Labels of a mask are
those of the nearest pixel.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from sbn.augment import filters, ops, size_ops
from sbn.augment.host.arrays import TENSORFLOW, marked, merge, split
from sbn.augment.inception import Windows
from sbn.augment.packing import MARK, fill_word


def apply_resize_and_pad(
    op: ops.ResizeAndPad, place: Sequence[Any], pixels: tf.Tensor, image_size: tuple[int, int]
) -> tf.Tensor:
    """Shrinks to (size, size) and pads to the old size.

    Args:
        op: size, placement and fill.
        place: row and column of the upper left corner, (N or 1, 1) int32 each.
        pixels: (N, H, W) int32 packed words.
        image_size: (H, W), static.

    Returns:
        (N, H, W) int32.
    """
    height, width = image_size
    top, left = place
    shrunk = tf.reshape(_resized(pixels, (op.size, op.size)), [-1, op.size * op.size])
    row, column = tf.range(height)[None] - top, tf.range(width)[None] - left
    outside = op.size * op.size  # where one more pixel an image holds the fill
    row = tf.where((row < 0) | (row >= op.size), outside, row * op.size)
    column = tf.where((column < 0) | (column >= op.size), outside, column)
    index = tf.minimum(row[:, :, None] + column[:, None, :], outside)
    count = tf.shape(shrunk)[0]
    index += (tf.range(count) * (outside + 1))[:, None, None]
    padded = tf.concat([shrunk, tf.fill([count, 1], fill_word(op.fill))], axis=1)
    return tf.gather_nd(tf.reshape(padded, [-1]), index[..., None])


def apply_resize(op: size_ops.Resize, place: None, pixels: tf.Tensor, image_size: tuple[int, int]) -> tf.Tensor:
    """Resizes to the op's `size_after`.

    Args:
        op: the shorter side.
        place: it has none.
        pixels: (N, H, W) int32 packed words.
        image_size: (H, W), static.

    Returns:
        (N, H', W') int32.
    """
    return _resized(pixels, op.size_after(image_size))


def apply_inception_crop(
    op: size_ops.InceptionCrop, place: Windows, pixels: tf.Tensor, image_size: tuple[int, int]
) -> tf.Tensor:
    """Cuts a window out of every image and resizes it to (size, size).

    Args:
        op: size, area and ratio.
        place: the windows.
        pixels: (N, H, W) int32 packed words.
        image_size: (H, W), static.

    Returns:
        (N, size, size) int32.
    """
    # Images whose rows come first are turned over before and after, so that columns come first for all of them.
    turned = filters.vertical_first((place.height, place.width), (op.size, op.size))
    rows, columns = (place.top, place.height), (place.left, place.width)
    first = [tf.where(turned, row, column) for row, column in zip(rows, columns, strict=True)]
    second = [tf.where(turned, column, row) for row, column in zip(rows, columns, strict=True)]
    planes = _planes(_turned(_square(pixels), turned))
    side = planes.shape[2]
    # The axis to be resized comes second, so that a tap of a window is whole lines, which are copied as they are.
    lines = _windowed(tf.reshape(tf.transpose(planes, [0, 3, 1, 2]), [-1, side, 3 * side]), *first, target=op.size)
    planes = tf.transpose(tf.reshape(lines, [-1, op.size, 3, side]), [0, 3, 2, 1])
    lines = _windowed(tf.reshape(planes, [-1, side, 3 * op.size]), *second, target=op.size)
    planes = tf.transpose(tf.reshape(lines, [-1, op.size, 3, op.size]), [0, 2, 1, 3])
    flat = tf.reshape(planes, [-1, 3, op.size * op.size])
    colours = _turned(tf.reshape(merge(flat, tf.zeros_like(flat[:, 0])), [-1, op.size, op.size]), turned)
    return tf.bitwise.bitwise_or(colours, _marks_in(place, pixels, op.size))


def _marks_in(place: Windows, pixels: tf.Tensor, target: int) -> tf.Tensor:
    """The marks (N, target, target), nearest, of windows of images (N, H, W)."""
    height, width = pixels.shape[1:]
    row, column = (
        start[:, None] + tf.gather(filters.nearest_each(range(1, size + 1), target), length - 1)
        for start, length, size in ((place.top, place.height, height), (place.left, place.width, width))
    )
    index = (
        row[:, :, None] * width + column[:, None, :] + (tf.range(tf.shape(pixels)[0]) * height * width)[:, None, None]
    )
    return tf.bitwise.bitwise_and(marked(tf.gather_nd(tf.reshape(pixels, [-1]), index[..., None])), np.int32(MARK))


def _square(pixels: tf.Tensor) -> tf.Tensor:
    """(N, H, W) with anything below or on the right, to (N, S, S)."""
    count, (height, width) = tf.shape(pixels)[0], pixels.shape[1:]
    axis = 1 if height < width else 2
    more = (width - height, width) if height < width else (height, height - width)
    return tf.concat([pixels, tf.zeros([count, *more], tf.int32)], axis=axis)


def _turned(pixels: tf.Tensor, turned: tf.Tensor) -> tf.Tensor:
    """(N, S, S) with rows and columns exchanged where `turned`, (N,) bool."""
    return tf.where(turned[:, None, None], tf.transpose(pixels, [0, 2, 1]), pixels)


def _planes(pixels: tf.Tensor) -> tf.Tensor:
    """(N, H, W) packed -> (N, 3, H, W) int32."""
    height, width = pixels.shape[1:]
    return tf.reshape(split(tf.reshape(pixels, [-1, height * width])), [-1, 3, height, width])


def _resized(pixels: tf.Tensor, targets: tuple[int, int]) -> tf.Tensor:
    grid, words = _planes(pixels), pixels
    for axis in (2, 3) if filters.vertical_first(grid.shape[2:], targets) else (3, 2):
        positions, weights = filters.resize(grid.shape[axis], targets[axis - 2])
        shape = [-1 if i == axis else 1 for i in range(4)]
        taps = range(positions.shape[1])
        words = tf.gather(words, filters.nearest(grid.shape[axis], targets[axis - 2]), axis=axis - 1)
        grid = _rounded(tf.gather(grid, positions[:, t], axis=axis) * weights[:, t].reshape(shape) for t in taps)
    area = targets[0] * targets[1]
    resized = merge(tf.reshape(grid, [-1, 3, area]), marked(tf.reshape(words, [-1, area])))
    return tf.reshape(resized, [-1, *targets])


def _windowed(grid: tf.Tensor, start: tf.Tensor, length: tf.Tensor, *, target: int) -> tf.Tensor:
    """Resizes lines start .. start + length - 1 of (N, L, M) int32, each image its own, to (N, target, M)."""
    size, many = grid.shape[1:]
    positions, weights = (tf.gather(table, length - 1) for table in filters.resize_each(range(1, size + 1), target))
    positions += (start + size * tf.range(tf.shape(grid)[0]))[:, None, None]
    flat, taps = tf.reshape(grid, [-1, many]), range(positions.shape[2])
    return _rounded(tf.gather(flat, positions[:, :, t]) * weights[:, :, t, None] for t in taps)


def _rounded(products: Iterable[tf.Tensor]) -> tf.Tensor:
    """The sum of pixels times weights, in Pillow's fixed point, as bytes."""
    total = sum(products, start=tf.constant(1 << (filters.RESIZE_BITS - 1)))
    return tf.clip_by_value(tf.bitwise.right_shift(total, np.int32(filters.RESIZE_BITS)), 0, 255)


def apply_blur(op: ops.Blur, op_bits: tf.Tensor, pixels: tf.Tensor, image_size: tuple[int, int]) -> tf.Tensor:
    """Blurs and rounds to whole levels, halves up.

    Args:
        op: kernel.
        op_bits: (N, 0) uint32: it draws nothing.
        pixels: (N, H, W) int32 packed words.
        image_size: (H, W), static.

    Returns:
        (N, H, W) int32. Fillers stay and are left out of their neighbours' means.
    """
    del op_bits
    height, width = image_size
    words = tf.reshape(pixels, [-1, height * width])
    is_image = tf.bitwise.bitwise_and(words, np.int32(MARK)) != 0
    mark = tf.cast(is_image, tf.int32)[:, None]
    grid = tf.reshape(tf.concat([split(words) * mark, mark], axis=1), [-1, 4, height, width])
    for axis, size in ((2, height), (3, width)):
        grid = tf.gather(grid, filters.mirrored(size, op.side // 2), axis=axis)
    means = filters.means(op, tf.cast(grid, tf.uint32), image_size=image_size, library=TENSORFLOW)
    blurred = merge(tf.reshape(means, [-1, 3, height * width]), words)
    return tf.reshape(tf.where(is_image, blurred, words), tf.shape(pixels))
