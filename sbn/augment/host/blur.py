"""Gaussian blur on packed words in TensorFlow."""

import numpy as np
import tensorflow as tf

from sbn.augment import blurring, ops
from sbn.augment.host.packing import merge, split
from sbn.augment.host.words import TENSORFLOW
from sbn.augment.packing import MARK


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
        grid = tf.gather(grid, blurring.mirrored(size, op.side // 2), axis=axis)
    means = blurring.means(op, tf.cast(grid, tf.uint32), image_size=image_size, words=TENSORFLOW)
    blurred = merge(tf.reshape(means, [-1, 3, height * width]), words)
    return tf.reshape(tf.where(is_image, blurred, words), tf.shape(pixels))
