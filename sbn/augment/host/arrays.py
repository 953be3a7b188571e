"""Random draws and packed pixels in TensorFlow: `sbn.augment.draws` and `sbn.augment.packing` say what they are."""

from typing import Any

import numpy as np
import tensorflow as tf

from sbn.augment import draws
from sbn.augment.packing import CHANNEL_SHIFTS, MARK


def _uint32(x: Any) -> tf.Tensor:
    if isinstance(x, int | list | tuple | range):
        return tf.constant(np.atleast_1d(np.asarray(x, np.uint32)))
    return tf.reshape(tf.cast(x, tf.uint32), [-1])


def _shift_right(x: tf.Tensor, n: int) -> tf.Tensor:
    return tf.bitwise.right_shift(x, tf.constant(n, tf.uint32))


TENSORFLOW = draws.ArrayLibrary(
    _uint32,
    lambda x: tf.cast(x, tf.float32),
    _shift_right,
    tf.math,
    lambda x: tf.cast(x, tf.int32),
    tf.gather,
    tf.where,
    lambda parts: tf.concat(parts, axis=1),
)


def below(bits: tf.Tensor, n: int) -> tf.Tensor:
    """Returns `draws.index`."""
    return draws.index(bits, n, TENSORFLOW)


def order(seed: Any, *, stage: Any, epoch: Any, count: int) -> tf.Tensor:
    """Returns `draws.order` as an (count,) int64 tensor; seed, stage and epoch may be 0-d tensors."""
    words = draws.order_words(seed, stage=stage, epoch=epoch, count=count, library=TENSORFLOW)
    return tf.cast(tf.argsort(tf.cast(words, tf.int64), stable=True), tf.int64)


def pack(images: Any) -> tf.Tensor:
    """Packs (..., H, W, 3) uint8 RGB into (..., H, W) int32 words with X = 255."""
    images = tf.convert_to_tensor(images, tf.uint8)
    mark = tf.fill(tf.concat([tf.shape(images)[:-1], [1]], axis=0), tf.constant(255, tf.uint8))
    return tf.bitcast(tf.concat([images, mark], axis=-1), tf.int32)


def unpack(words: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Unpacks (..., H, W) int32 words into (..., H, W, 3) uint8 RGB and (..., H, W) bool, True where X marks image."""
    channels = tf.bitcast(words, tf.uint8)
    return channels[..., :3], channels[..., 3] > 0


def marked(words: tf.Tensor) -> tf.Tensor:
    """Returns words (...) with fillers made image pixels without a label, of the colour that stands under them."""
    return tf.where(tf.bitwise.bitwise_and(words, np.int32(MARK)) == 0, tf.bitwise.bitwise_or(words, MARK), words)


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
