"""The counter hash on TensorFlow, bit-equal to `sbn.augment.draws` on NumPy."""

from typing import Any

import numpy as np
import tensorflow as tf

from sbn.augment import draws


def _uint32(x: Any) -> tf.Tensor:
    if isinstance(x, int | list | tuple | range):
        return tf.constant(np.atleast_1d(np.asarray(x, np.uint32)))
    return tf.reshape(tf.cast(x, tf.uint32), [-1])


def _shift_right(x: tf.Tensor, n: int) -> tf.Tensor:
    return tf.bitwise.right_shift(x, tf.constant(n, tf.uint32))


TENSORFLOW = draws.Words(
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
    words = draws.order_words(seed, stage=stage, epoch=epoch, count=count, words=TENSORFLOW)
    return tf.cast(tf.argsort(tf.cast(words, tf.int64), stable=True), tf.int64)
