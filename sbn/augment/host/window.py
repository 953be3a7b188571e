"""Flip, crop, cutout and windows: any run of them is one gather.

All of them treat rows and columns apart, so a run is followed backwards from the output: a row and a column coordinate
per image, which every op turns into those of its own input.
"""

import tensorflow as tf

from sbn.augment import draws, ops, size_ops
from sbn.augment.host.words import TENSORFLOW, below

WINDOW_OPS = (ops.Flip, ops.Crop, ops.Cutout, size_ops.RandomCrop, size_ops.CentreCrop)


def apply_window(run: list[tuple[ops.Op, tf.Tensor]], pixels: tf.Tensor, image_size: tuple[int, int]) -> tf.Tensor:
    """Applies a run of `WINDOW_OPS`.

    Args:
        run: (op, its draws (N, draws) uint32), in order.
        pixels: (N, H, W) int32 packed words.
        image_size: (H, W), static.

    Returns:
        (N, H', W') int32; uncovered pixels are 0 (filler).
    """
    *before, (height, width) = size_ops.sizes([op for op, _ in run], image_size)
    rows = tf.range(height)[None]  # (1 or N, H'): the coordinate in the input of the ops walked so far
    columns = tf.range(width)[None]
    holes = []
    for (op, op_bits), (height, width) in zip(reversed(run), reversed(before), strict=True):
        if isinstance(op, ops.Flip):
            flipped = draws.unit(op_bits[:, :1], TENSORFLOW) < op.probability
            columns = tf.where(flipped, width - 1 - columns, columns)
        elif isinstance(op, ops.Crop):
            rows = _shifted(rows, op_bits[:, :1], op, height)
            columns = _shifted(columns, op_bits[:, 1:2], op, width)
        elif isinstance(op, ops.Cutout):
            holes.append((_covered(rows, op_bits[:, :1], op, height), _covered(columns, op_bits[:, 1:2], op, width)))
        elif isinstance(op, size_ops.RandomCrop):
            rows = _moved(rows, below(op_bits[:, :1], height - op.size + 1), op)
            columns = _moved(columns, below(op_bits[:, 1:2], width - op.size + 1), op)
        elif isinstance(op, size_ops.CentreCrop):
            rows = _moved(rows, (height - op.size) // 2, op)
            columns = _moved(columns, (width - op.size) // 2, op)
    height, width = image_size
    area = height * width
    count = tf.shape(pixels)[0]
    # Anything outside, along either axis, ends at or above `area`, where one more pixel an image holds the filler.
    row_part = tf.where((rows < 0) | (rows >= height), area, rows * width)
    column_part = tf.where((columns < 0) | (columns >= width), area, columns)
    index = tf.minimum(row_part[:, :, None] + column_part[:, None, :], area)
    for hole_rows, hole_columns in holes:
        index = tf.where(hole_rows[:, :, None] & hole_columns[:, None, :], area, index)
    index += (tf.range(count) * (area + 1))[:, None, None]
    padded = tf.concat([tf.reshape(pixels, [count, area]), tf.zeros([count, 1], tf.int32)], axis=1)
    return tf.gather_nd(tf.reshape(padded, [-1]), index[..., None])


def _moved(coordinates: tf.Tensor, start: tf.Tensor | int, op: size_ops.SizeOp) -> tf.Tensor:
    # What a later crop put outside the window stays outside the image.
    return tf.where((coordinates < 0) | (coordinates >= op.size), -1, coordinates + start)


def _shifted(coordinates: tf.Tensor, op_bits: tf.Tensor, op: ops.Crop, size: int) -> tf.Tensor:
    # A coordinate that a later crop already put outside must not come back in through this one.
    outside = (coordinates < 0) | (coordinates >= size)
    shifted = coordinates + below(op_bits, 2 * op.pad + 1) - op.pad
    if op.fill == "reflect":
        shifted = size - 1 - tf.abs(size - 1 - tf.abs(shifted))
    return tf.where(outside, -1, shifted)


def _covered(coordinates: tf.Tensor, op_bits: tf.Tensor, op: ops.Cutout, size: int) -> tf.Tensor:
    centre, half = below(op_bits, size), op.half
    return (coordinates >= centre - half) & (coordinates < centre + half)
