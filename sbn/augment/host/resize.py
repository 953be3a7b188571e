"""Shrinking an image and putting it on a canvas of the old size."""

import numpy as np
import tensorflow as tf

from sbn.augment import kernels, ops
from sbn.augment.host.packing import merge, split
from sbn.augment.host.words import below
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
        (N, H, W) int32. Fillers count as the colour that stands under them; what is shrunk is all image.

    Raises:
        ValueError: the image is smaller than `size`.
    """
    height, width = image_size
    words = tf.reshape(pixels, [-1, height * width])
    grid = tf.reshape(split(words), [-1, 3, height, width])
    small = _resized(_resized(grid, axis=3, target=op.size), axis=2, target=op.size)  # Pillow's order
    planes = tf.reshape(small, [-1, 3, op.size * op.size])
    shrunk = merge(planes, tf.fill(tf.shape(planes[:, 0]), MARK))
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
    count = tf.shape(words)[0]
    index += (tf.range(count) * (outside + 1))[:, None, None]
    padded = tf.concat([shrunk, tf.fill([count, 1], fill_word(op.fill))], axis=1)
    return tf.gather_nd(tf.reshape(padded, [-1]), index[..., None])


def _resized(grid: tf.Tensor, *, axis: int, target: int) -> tf.Tensor:
    """One axis of (N, 3, H, W) int32 by Pillow's fixed-point arithmetic."""
    positions, weights = kernels.resize(grid.shape[axis], target)
    shape = [-1 if i == axis else 1 for i in range(4)]
    taps = [
        tf.gather(grid, positions[:, tap], axis=axis) * weights[:, tap].reshape(shape)
        for tap in range(positions.shape[1])
    ]
    half = np.int32(1 << (kernels.RESIZE_BITS - 1))
    total = tf.bitwise.right_shift(tf.add_n(taps) + half, np.int32(kernels.RESIZE_BITS))
    return tf.clip_by_value(total, 0, 255)
