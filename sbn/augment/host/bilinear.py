"""Affine transforms with Pillow's bilinear filter, a matrix of its own for every image."""

import tensorflow as tf

from sbn.augment.host.arrays import merge, split


def transform(
    words: tf.Tensor, matrices: tf.Tensor, *, image_size: tuple[int, int], fill: int, across: str = "xy"
) -> tf.Tensor:
    """`Image.transform(..., AFFINE, matrix, BILINEAR)` in Pillow's own float64 arithmetic (`Geometry.c` of Pillow 13).

    The output's pixel (x, y) reads (a, b, c) * (x + 1/2, y + 1/2, 1) and (d, e, f) likewise. Positions outside the
    image show `fill`; within half a pixel of its border the outermost pixels are repeated.

    Args:
        words: (N, P) int32 packed words.
        matrices: (N, 6) float64 (a, b, c, d, e, f).
        image_size: (H, W), static.
        fill: the word shown outside.
        across: the axes along which there are fractions of pixels: 'xy', 'x', 'y' or ''. Leaving out an axis that has
            none saves time and changes nothing.

    Returns:
        (N, P) int32. The mark is that of the nearest pixel up and left.
    """
    height, width = image_size
    area = height * width
    a, b, c, d, e, f = (part[:, None, None] for part in tf.unstack(matrices, axis=1))
    column = (tf.range(width, dtype=tf.float64) + 0.5)[None, None, :]
    row = (tf.range(height, dtype=tf.float64) + 0.5)[None, :, None]
    x, y = a * column + b * row + c, d * column + e * row + f
    inside = tf.reshape((x >= 0) & (x < width) & (y >= 0) & (y < height), tf.shape(words))
    x, y = x - 0.5, y - 0.5
    left, up = tf.floor(x), tf.floor(y)
    right_share, low_share = (tf.reshape(part, [-1, 1, area]) for part in (x - left, y - up))
    first = (tf.range(tf.shape(words)[0]) * area)[:, None, None]
    rows = [first + width * _clamped(up + step, height) for step in (0, 1)]
    columns = [_clamped(left + step, width) for step in (0, 1)]
    flat = tf.reshape(words, [-1])

    def corner(i: int, j: int) -> tf.Tensor:
        return tf.reshape(tf.gather_nd(flat, (rows[i] + columns[j])[..., None]), tf.shape(words))

    def values(corner: tf.Tensor) -> tf.Tensor:
        return tf.cast(split(corner), tf.float64)

    def between(start: tf.Tensor, end: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
        return start + (end - start) * share

    def line(i: int) -> tf.Tensor:
        start = values(corner(i, 0))
        return between(start, values(corner(i, 1)), right_share) if "x" in across else start

    nearest = corner(0, 0)
    if not across:
        return tf.where(inside, nearest, fill)
    planes = line(0)
    if "y" in across:
        planes = between(planes, line(1), low_share)
    return tf.where(inside, merge(tf.cast(planes, tf.int32), nearest), fill)


def _clamped(coordinate: tf.Tensor, size: int) -> tf.Tensor:
    # positions far outside, whose result is not looked at, would not fit into int32
    return tf.cast(tf.clip_by_value(coordinate, 0.0, size - 1.0), tf.int32)
