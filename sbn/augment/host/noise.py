"""Gaussian noise on packed words."""

import tensorflow as tf

from sbn.augment import draws, ops
from sbn.augment.host.packing import merge, split
from sbn.augment.host.words import TENSORFLOW


def apply_gaussian(op: ops.Gaussian, op_bits: tf.Tensor, pixels: tf.Tensor, image_size: tuple[int, int]) -> tf.Tensor:
    """Adds normal noise and rounds back to uint8 (half to even).

    Args:
        op: sigma and its kind.
        op_bits: (N, draws) uint32: the radii's draws, the angles' draws, then sigma's.
        pixels: (N, H, W) int32 packed words.
        image_size: (H, W), static.

    Returns:
        (N, H, W) int32. Fillers keep their mark: they stay the data set's mean, without noise.
    """
    area = image_size[0] * image_size[1]
    pairs = (3 * area + 1) // 2
    first, second = draws.normal_pair(op_bits[:, :pairs], op_bits[:, pairs : 2 * pairs], TENSORFLOW)
    noise = tf.reshape(tf.concat([first, second], axis=1)[:, : 3 * area], [-1, 3, area])
    sigma = tf.constant(255.0 * op.sigma, tf.float32)
    if op.kind == "uniform":
        sigma *= draws.unit(op_bits[:, 2 * pairs :], TENSORFLOW)[:, :, None]
    words = tf.reshape(pixels, [-1, area])
    noisy = tf.cast(split(words), tf.float32) + sigma * noise
    planes = tf.cast(tf.round(tf.clip_by_value(noisy, 0.0, 255.0)), tf.int32)
    return tf.reshape(merge(planes, words), tf.shape(pixels))
