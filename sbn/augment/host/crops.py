"""A run of flips, crops and cutouts as one gather in TensorFlow."""

from collections.abc import Sequence

import tensorflow as tf

from sbn.augment import ops
from sbn.augment.crops import Move, outside, walk
from sbn.augment.host.arrays import TENSORFLOW
from sbn.augment.host.large import LARGE, flipped
from sbn.augment.packing import FILLER


def apply_crops(run: Sequence[Move], pixels: tf.Tensor) -> tf.Tensor:
    """Applies a run of `sbn.augment.crops.CROP_OPS`.

    Args:
        run: what its ops do, in order.
        pixels: (N, H, W) int32 packed words.

    Returns:
        (N, H', W') int32; uncovered pixels are fillers, or of the colour that a crop pads with.
    """
    height, width = run[0].before
    area = height * width
    if all(isinstance(move.op, ops.Flip) for move in run):  # a third of the gather's price
        _, columns, _ = walk(run, library=TENSORFLOW)
        mirrored = columns[:, 0] > 0
        if area >= LARGE:
            return flipped(pixels, mirrored)
        return tf.where(mirrored[:, None, None], tf.reverse(pixels, [2]), pixels)
    count = tf.shape(pixels)[0]
    rows, columns, covers = walk(run, library=TENSORFLOW)
    # Anything outside, along either axis, ends at or above `area`, where one more pixel an image holds the filler; the
    # other words of covers follow it.
    more = tuple(dict.fromkeys((FILLER, *(word for _, word in covers))))
    row_part = tf.where(outside(rows, height), area, rows * width)
    column_part = tf.where(outside(columns, width), area, columns)
    index = tf.minimum(row_part[:, :, None] + column_part[:, None, :], area)
    for covered, word in covers:
        index = tf.where(covered, area + more.index(word), index)
    index += (tf.range(count) * (area + len(more)))[:, None, None]
    padded = tf.concat([tf.reshape(pixels, [count, area]), tf.tile(tf.constant([more], tf.int32), [count, 1])], axis=1)
    return tf.gather_nd(tf.reshape(padded, [-1]), index[..., None])
