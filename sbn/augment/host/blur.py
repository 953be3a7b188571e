"""Gaussian blur on packed words."""

import numpy as np
import tensorflow as tf

from sbn.augment import kernels, ops
from sbn.augment.host.packing import MARK, merge, split


def apply_blur(op: ops.Blur, op_bits: tf.Tensor, pixels: tf.Tensor, image_size: tuple[int, int]) -> tf.Tensor:
    """Blurs, rows then columns, in float32 and rounds back to uint8 (half to even).

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
    mark = tf.cast(tf.bitwise.bitwise_and(words, np.int32(MARK)) != 0, tf.float32)[:, None]
    colours = tf.cast(split(words), tf.float32) * mark
    grid = tf.reshape(tf.concat([colours, mark], axis=1), [-1, 4, height, width])
    weights = kernels.gaussian(op.sigma, op.side)
    reach = op.side // 2
    for axis, size in ((2, height), (3, width)):  # a mirrored border; tf.pad refuses an empty batch
        grid = tf.gather(grid, np.pad(np.arange(size), reach, mode="reflect"), axis=axis)
    grid = tf.add_n([np.float32(w) * grid[:, :, i : i + height] for i, w in enumerate(weights)])
    grid = tf.add_n([np.float32(w) * grid[..., i : i + width] for i, w in enumerate(weights)])
    means = tf.reshape(grid[:, :3] / tf.maximum(grid[:, 3:], 1e-6), [-1, 3, height * width])
    planes = tf.cast(tf.round(tf.clip_by_value(means, 0.0, 255.0)), tf.int32)
    return tf.reshape(tf.where(mark[:, 0] > 0, merge(planes, words), words), tf.shape(pixels))
