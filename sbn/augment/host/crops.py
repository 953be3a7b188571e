"""A run of flips, crops, cutouts and windows as one gather in TensorFlow."""

import tensorflow as tf

from sbn.augment import ops
from sbn.augment.crops import outside, walk
from sbn.augment.host.arrays import TENSORFLOW
from sbn.augment.packing import FILLER


def apply_crops(run: list[tuple[ops.Op, tf.Tensor]], pixels: tf.Tensor, image_size: tuple[int, int]) -> tf.Tensor:
    """Applies a run of `sbn.augment.crops.CROP_OPS`.

    Args:
        run: (op, its draws (N, draws) uint32), in order.
        pixels: (N, H, W) int32 packed words.
        image_size: (H, W), static.

    Returns:
        (N, H', W') int32; uncovered pixels are fillers, or of the colour that a crop pads with.
    """
    if all(isinstance(op, ops.Flip) for op, _ in run):  # a third of the gather's price
        _, columns, _ = walk(run, image_size=image_size, library=TENSORFLOW)
        return tf.where(columns[:, :1, None] > 0, tf.reverse(pixels, [2]), pixels)
    height, width = image_size
    area = height * width
    count = tf.shape(pixels)[0]
    rows, columns, covers = walk(run, image_size=image_size, library=TENSORFLOW)
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
