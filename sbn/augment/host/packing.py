"""Packed words and channel planes in TensorFlow; `sbn.augment.packing` says what a word is."""

from typing import Any

import numpy as np
import tensorflow as tf

from sbn.augment.packing import CHANNEL_SHIFTS, MARK


def pack(images: Any) -> tf.Tensor:
    """Packs (..., H, W, 3) uint8 RGB into (..., H, W) int32 words with X = 255."""
    images = tf.convert_to_tensor(images, tf.uint8)
    mark = tf.fill(tf.concat([tf.shape(images)[:-1], [1]], axis=0), tf.constant(255, tf.uint8))
    return tf.bitcast(tf.concat([images, mark], axis=-1), tf.int32)


def unpack(words: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Unpacks (..., H, W) int32 words into (..., H, W, 3) uint8 RGB and (..., H, W) bool, True where X marks image."""
    channels = tf.bitcast(words, tf.uint8)
    return channels[..., :3], channels[..., 3] > 0


def split(words: tf.Tensor) -> tf.Tensor:
    """Splits words (N, P) into planes (N, 3, P) int32 with values 0..255."""
    # Planes lie inside an image so that a range of images is a range of memory.
    return tf.stack([_byte(words, shift) for shift in CHANNEL_SHIFTS], axis=1)


def _byte(words: tf.Tensor, shift: int) -> tf.Tensor:
    shifted = tf.bitwise.right_shift(words, np.int32(shift)) if shift else words
    return tf.bitwise.bitwise_and(shifted, np.int32(255))


def merge(planes: tf.Tensor, words: tf.Tensor) -> tf.Tensor:
    """Merges planes (N, 3, P) into words (N, P), keeping the X of `words`."""
    merged = tf.bitwise.bitwise_and(words, np.int32(MARK))
    for channel, shift in enumerate(CHANNEL_SHIFTS):
        plane = planes[:, channel]
        merged = tf.bitwise.bitwise_or(merged, tf.bitwise.left_shift(plane, np.int32(shift)) if shift else plane)
    return merged
