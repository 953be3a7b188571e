"""Gaussian noise on packed words, everywhere or in a patch."""

import tensorflow as tf

from sbn.augment import draws, ops
from sbn.augment.crops import square
from sbn.augment.host.arrays import TENSORFLOW, below, merge, split


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
    noise, after = _noise(op_bits, image_size)
    sigma = tf.constant(255.0 * op.sigma, tf.float32)
    if op.kind == "uniform":
        sigma *= draws.unit(op_bits[:, after:], TENSORFLOW)[:, :, None]
    return _added(sigma * noise, pixels)


def apply_patch_gaussian(
    op: ops.PatchGaussian, op_bits: tf.Tensor, pixels: tf.Tensor, image_size: tuple[int, int]
) -> tf.Tensor:
    """Adds normal noise in a square and rounds back to uint8 (half to even).

    Args:
        op: side, sigma, and whether the side is drawn.
        op_bits: (N, draws) uint32: the radii's draws, the angles' draws, then sigma, centre row, centre column, side.
        pixels: (N, H, W) int32 packed words.
        image_size: (H, W), static.

    Returns:
        (N, H, W) int32. Fillers keep their mark.
    """
    noise, after = _noise(op_bits, image_size)
    sigma = 255.0 * op.sigma * draws.unit(op_bits[:, after : after + 1], TENSORFLOW)
    drawn_side = below(op_bits[:, after + 3 :], op.side) + 1
    side = drawn_side if op.random_side else tf.fill(tf.shape(drawn_side), op.side)
    centre = [below(op_bits[:, after + 1 + axis, None], size) for axis, size in enumerate(image_size)]
    patch = square(centre, side // 2, side - side // 2, image_size=image_size)
    patch = tf.reshape(patch, [-1, 1, image_size[0] * image_size[1]])
    return _added(sigma[:, :, None] * tf.where(patch, noise, 0.0), pixels)


def _noise(op_bits: tf.Tensor, image_size: tuple[int, int]) -> tuple[tf.Tensor, int]:
    """Standard normals (N, 3, P) of the first draws, and how many draws they took."""
    area = image_size[0] * image_size[1]
    pairs = (3 * area + 1) // 2
    first, second = draws.normal_pair(op_bits[:, :pairs], op_bits[:, pairs : 2 * pairs], TENSORFLOW)
    return tf.reshape(tf.concat([first, second], axis=1)[:, : 3 * area], [-1, 3, area]), 2 * pairs


def _added(noise: tf.Tensor, pixels: tf.Tensor) -> tf.Tensor:
    words = tf.reshape(pixels, [-1, noise.shape[2]])
    noisy = tf.cast(split(words), tf.float32) + noise
    planes = tf.cast(tf.round(tf.clip_by_value(noisy, 0.0, 255.0)), tf.int32)
    return tf.reshape(merge(planes, words), tf.shape(pixels))
