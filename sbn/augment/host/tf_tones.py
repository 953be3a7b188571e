"""The tone ops where the TensorFlow code released for TPUs computes otherwise than Pillow.

Its quirks, each kept: Color's grey has other weights and is truncated; Contrast fades to H * W / 256, because that code
sums a histogram where it means to average the image; Sharpness truncates the smoothed image; AutoContrast is float32.
"""

import itertools

import numpy as np
import tensorflow as tf

from sbn.augment.host import tones


def luma(planes: tf.Tensor) -> tf.Tensor:
    """`tf.image.rgb_to_grayscale` of bytes: (N, 3, P) -> (N, P)."""
    red, green, blue = (tf.cast(planes[:, channel], tf.float32) * np.float32(1 / 255) for channel in range(3))
    level = np.float32(0.2989) * red + np.float32(0.5870) * green + np.float32(0.1140) * blue
    return tf.cast(level * np.float32(255.5), tf.int32)


def mean_luma(planes: tf.Tensor, *, area: int) -> tf.Tensor:
    """The grey level that Contrast fades to: (N, 3, P) -> (N, 1), whatever the image."""
    return tf.fill([tf.shape(planes)[0], 1], min(area // 256, 255))


def smooth(planes: tf.Tensor, *, image_size: tuple[int, int]) -> tf.Tensor:
    """What Sharpness starts from: [1 1 1; 1 5 1; 1 1 1] / 13 truncated, the one-pixel border kept.

    The nine products are added up row by row in float32, each with a single rounding: whether a whole mean falls below
    itself, and is truncated to the number before, depends on that. TensorFlow does so with oneDNN,
    its default on CPUs, here made of float64 and so the same anywhere; without oneDNN 1 % of values differ by one.
    """
    height, width = image_size
    if height < 3 or width < 3:
        return planes
    grid = tf.reshape(planes, [-1, height, width])
    values = tf.cast(grid, tf.float64)
    total = tf.zeros_like(values[:, 2:, 2:])
    for row, column in itertools.product(range(3), repeat=2):
        weight = np.float64(np.float32(5 if row == column == 1 else 1) / np.float32(13))
        total += weight * values[:, row : row + height - 2, column : column + width - 2]
        total = tf.cast(tf.cast(total, tf.float32), tf.float64)
    return tones.inside_border(tf.cast(total, tf.int32), grid, planes)


def autocontrast_tables(histogram: tf.Tensor) -> tf.Tensor:
    """AutoContrast: (N, 3, 256) counts -> (N, 3, 256) int32 new values."""
    return tones.autocontrast_tables(histogram, dtype=tf.float32)


RULES = tones.Rules(luma, mean_luma, smooth, autocontrast_tables)
