"""The policies' ops on channel values, as Pillow computes them: equalise, autocontrast, solarise and the enhance ops.

Every function takes planes (N, 3, P) int32 with values 0..255 of the images that drew the op, and returns the like.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf


def equalize_tables(histogram: tf.Tensor) -> tf.Tensor:
    """`ImageOps.equalize`: (N, 3, 256) counts -> (N, 3, 256) int32 new values."""
    before = tf.cumsum(histogram, axis=-1, exclusive=True)
    # The count below the last value that occurs, i.e. all pixels but those of the brightest value.
    all_but_last = tf.reduce_max(tf.where(histogram > 0, before, 0), axis=-1, keepdims=True)
    step = all_but_last // 255
    table = tf.minimum((step // 2 + before) // tf.maximum(step, 1), 255)
    return tf.where(step > 0, table, tf.range(256))


def autocontrast_tables(histogram: tf.Tensor, *, dtype: tf.DType = tf.float64) -> tf.Tensor:
    """`ImageOps.autocontrast` without cutoff: (N, 3, 256) counts -> (N, 3, 256) int32 new values."""
    value = tf.range(256)
    occurs = histogram > 0
    low = tf.reduce_min(tf.where(occurs, value, 255), axis=-1, keepdims=True)
    high = tf.reduce_max(tf.where(occurs, value, 0), axis=-1, keepdims=True)
    # Pillow computes in Python floats, i.e. float64, and truncates
    scale = 255.0 / tf.cast(tf.maximum(high - low, 1), dtype)
    stretched = tf.cast(value, dtype) * scale + -tf.cast(low, dtype) * scale
    table = tf.cast(tf.clip_by_value(stretched, 0.0, 255.0), tf.int32)
    return tf.where(high > low, table, value)


def histogram_ops(
    planes: tf.Tensor, equalized: tf.Tensor, *, area: int, stretch: Callable[[tf.Tensor], tf.Tensor]
) -> tf.Tensor:
    """Equalises the first `equalized` (0-d int32) images and gives the others' histograms to `stretch`."""
    rows = tf.shape(planes)[0] * 3
    index = tf.reshape(planes, [rows, area]) + (tf.range(rows) * 256)[:, None]
    no_weights = tf.zeros([0], tf.int32)
    counts = tf.raw_ops.DenseBincount(input=tf.reshape(index, [-1]), size=rows * 256, weights=no_weights)
    counts = tf.reshape(counts, [-1, 3, 256])
    tables = tf.concat([equalize_tables(counts[:equalized]), stretch(counts[equalized:])], axis=0)
    return tf.reshape(tf.gather_nd(tf.reshape(tables, [-1]), index[..., None]), [-1, 3, area])


def solarize(planes: tf.Tensor, threshold: tf.Tensor) -> tf.Tensor:
    """`ImageOps.solarize`: inverts values from the threshold, (N, 1, 1) int32, upwards."""
    return tf.where(planes < threshold, planes, 255 - planes)


def solarize_add(planes: tf.Tensor, addition: tf.Tensor) -> tf.Tensor:
    """Adds (N, 1, 1) int32 to values below 128 (RandAugment's TensorFlow code; Pillow has no such op)."""
    return tf.where(planes < 128, tf.minimum(planes + addition, 255), planes)


def luma(planes: tf.Tensor) -> tf.Tensor:
    """Pillow's conversion to mode L: (N, 3, P) -> (N, P)."""
    weighted = 19595 * planes[:, 0] + 38470 * planes[:, 1] + 7471 * planes[:, 2] + 32768
    return tf.bitwise.right_shift(weighted, np.int32(16))


def mean_luma(planes: tf.Tensor, *, area: int) -> tf.Tensor:
    """The grey level that Contrast fades to: (N, 3, P) -> (N, 1), int(mean + 0.5) in exact arithmetic."""
    # 32 bits hold 2 * 255 * area for images up to 2000 x 2000
    total = tf.reduce_sum(luma(planes), axis=1, keepdims=True)
    return (2 * total + area) // (2 * area)


def smooth(planes: tf.Tensor, *, image_size: tuple[int, int]) -> tf.Tensor:
    """`ImageFilter.SMOOTH`, which Sharpness starts from: [1 1 1; 1 5 1; 1 1 1] / 13, the one-pixel border kept."""
    height, width = image_size
    if height < 3 or width < 3:
        return planes
    grid = tf.reshape(planes, [-1, height, width])
    column_sums = grid[:, :-2] + grid[:, 1:-1] + grid[:, 2:]
    box = column_sums[:, :, :-2] + column_sums[:, :, 1:-1] + column_sums[:, :, 2:]
    total = box + 4 * grid[:, 1:-1, 1:-1]
    # floor(total / 13 + 1/2) = (2 * total + 13) // 26; the product is exact for all totals up to 13 * 255
    inner = tf.bitwise.right_shift((2 * total + 13) * 20165, np.int32(19))
    return inside_border(inner, grid, planes)


def inside_border(inner: tf.Tensor, grid: tf.Tensor, planes: tf.Tensor) -> tf.Tensor:
    """Returns `grid` (M, H, W) with all but its border from `inner` (M, H - 2, W - 2), shaped as `planes`."""
    border = np.ones(grid.shape[1:], bool)
    border[1:-1, 1:-1] = False
    padded = tf.pad(inner, [[0, 0], [1, 1], [1, 1]])
    return tf.reshape(tf.where(border, grid, padded), tf.shape(planes))


def blend(degenerate: tf.Tensor, values: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Pillow's `Image.blend`: degenerate + factor * (values - degenerate) in float32, clipped, truncated.

    The factor is (N, 1, 1) float32.
    """
    start = tf.cast(degenerate, tf.float32)
    mixed = start + factor * (tf.cast(values, tf.float32) - start)
    return tf.cast(tf.clip_by_value(mixed, 0.0, 255.0), tf.int32)


class Rules(NamedTuple):
    """What differs between Pillow's ops and those of AutoAugment's TensorFlow code; `PILLOW` documents each."""

    luma: Callable[[tf.Tensor], tf.Tensor]
    mean_luma: Callable[..., tf.Tensor]
    smooth: Callable[..., tf.Tensor]
    autocontrast_tables: Callable[[tf.Tensor], tf.Tensor]


PILLOW = Rules(luma, mean_luma, smooth, autocontrast_tables)
