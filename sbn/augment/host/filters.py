"""Pillow's antialiased bilinear filter, the ops that resize with it, and the Gaussian blur, in TensorFlow.

Fillers count as the colour that stands under them when resized, and what comes out is all image.
"""

from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from sbn.augment import filters, ops, size_ops
from sbn.augment.host.arrays import TENSORFLOW, below, merge, split
from sbn.augment.inception import draw_windows
from sbn.augment.packing import MARK, fill_word


def apply_resize_and_pad(
    op: ops.ResizeAndPad, op_bits: tf.Tensor, pixels: tf.Tensor, image_size: tuple[int, int]
) -> tf.Tensor:
    """Shrinks to (size, size) and pads to the old size.

    Args:
        op: size, placement and fill.
        op_bits: (N, 2) uint32: row and column of the upper left corner, used by `placement='random'`.
        pixels: (N, H, W) int32 packed words.
        image_size: (H, W), static.

    Returns:
        (N, H, W) int32.
    """
    height, width = image_size
    shrunk = tf.reshape(_resized(pixels, (op.size, op.size)), [-1, op.size * op.size])
    room = [size - op.size for size in image_size]
    if op.placement == "random":
        top, left = (below(op_bits[:, axis, None], space + 1) for axis, space in enumerate(room))
    else:
        corner = [space // 2 if op.placement == "centre" else 0 for space in room]
        top, left = (tf.constant([[start]], tf.int32) for start in corner)
    row, column = tf.range(height)[None] - top, tf.range(width)[None] - left
    outside = op.size * op.size  # where one more pixel an image holds the fill
    row = tf.where((row < 0) | (row >= op.size), outside, row * op.size)
    column = tf.where((column < 0) | (column >= op.size), outside, column)
    index = tf.minimum(row[:, :, None] + column[:, None, :], outside)
    count = tf.shape(shrunk)[0]
    index += (tf.range(count) * (outside + 1))[:, None, None]
    padded = tf.concat([shrunk, tf.fill([count, 1], fill_word(op.fill))], axis=1)
    return tf.gather_nd(tf.reshape(padded, [-1]), index[..., None])


def apply_resize(op: size_ops.Resize, op_bits: tf.Tensor, pixels: tf.Tensor, image_size: tuple[int, int]) -> tf.Tensor:
    """Resizes to the op's `size_after`; it draws nothing.

    Args:
        op: the shorter side.
        op_bits: (N, 0) uint32.
        pixels: (N, H, W) int32 packed words.
        image_size: (H, W), static.

    Returns:
        (N, H', W') int32.
    """
    del op_bits
    return _resized(pixels, op.size_after(image_size))


def apply_inception_crop(
    op: size_ops.InceptionCrop, op_bits: tf.Tensor, pixels: tf.Tensor, image_size: tuple[int, int]
) -> tf.Tensor:
    """Cuts a window out of every image and resizes it to (size, size).

    Args:
        op: size, area and ratio.
        op_bits: (N, 22) uint32, which `draw_windows` reads.
        pixels: (N, H, W) int32 packed words.
        image_size: (H, W), static.

    Returns:
        (N, size, size) int32.
    """
    windows = draw_windows(op, op_bits, image_size=image_size, library=TENSORFLOW)
    # Images whose rows come first are turned over before and after, so that columns come first for all of them.
    turned = filters.vertical_first((windows.height, windows.width), (op.size, op.size))
    rows, columns = (windows.top, windows.height), (windows.left, windows.width)
    first = [tf.where(turned, row, column) for row, column in zip(rows, columns, strict=True)]
    second = [tf.where(turned, column, row) for row, column in zip(rows, columns, strict=True)]
    planes = _planes(_turned(_square(pixels), turned))
    side = planes.shape[2]
    # The axis to be resized comes second, so that a tap of a window is whole lines, which are copied as they are.
    lines = _windowed(tf.reshape(tf.transpose(planes, [0, 3, 1, 2]), [-1, side, 3 * side]), *first, target=op.size)
    planes = tf.transpose(tf.reshape(lines, [-1, op.size, 3, side]), [0, 3, 2, 1])
    lines = _windowed(tf.reshape(planes, [-1, side, 3 * op.size]), *second, target=op.size)
    return _turned(_image(tf.transpose(tf.reshape(lines, [-1, op.size, 3, op.size]), [0, 2, 1, 3])), turned)


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


def _image(planes: tf.Tensor) -> tf.Tensor:
    """(N, 3, H, W) int32 -> (N, H, W) packed, all marked as image."""
    height, width = planes.shape[2:]
    flat = tf.reshape(planes, [-1, 3, height * width])
    return tf.reshape(merge(flat, tf.fill(tf.shape(flat[:, 0]), MARK)), [-1, height, width])


def _resized(pixels: tf.Tensor, targets: tuple[int, int]) -> tf.Tensor:
    grid = _planes(pixels)
    for axis in (2, 3) if filters.vertical_first(grid.shape[2:], targets) else (3, 2):
        positions, weights = filters.resize(grid.shape[axis], targets[axis - 2])
        shape = [-1 if i == axis else 1 for i in range(4)]
        taps = range(positions.shape[1])
        grid = _rounded(tf.gather(grid, positions[:, t], axis=axis) * weights[:, t].reshape(shape) for t in taps)
    return _image(grid)


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
