"""Crops of one encoded image: it is decoded once, and each crop is cut out, scaled and packed."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from sbn.augment.encoded_crops import EncodedCrop
from sbn.augment.packing import MARK

# Decoders blur differences of colour across neighbours, which the border of a part lacks where the image goes on.
MARGIN = 4
# What is added before rounding down. Sides in simple ratios put many exact sums at a half, which goes up, as in Pillow;
# in float32 they lie up to 2**-13 (two sums of a few terms below 256) to either side of it, and would go down as often.
_HALF = 0.5 + 2**-12


def decode(data: tf.Tensor, part: tf.Tensor) -> tf.Tensor:
    """Decodes a part of an image, bit for bit as Pillow does: libjpeg's accurate integer DCT, smooth chroma.

    Only that part of a JPEG is decoded, at a fraction of the price. Within `MARGIN` of its border, where that is not
    the image's, pixels may differ from those of the whole image.

    Args:
        data: the bytes of a JPEG of any colours, or of a PNG, as one file of ImageNet is whatever its name says.
        part: (4,) int32: first row and column, height and width, within the image.

    Returns:
        (height, width, 3) uint8 RGB.
    """

    def of_jpeg() -> tf.Tensor:
        return tf.image.decode_and_crop_jpeg(data, part, channels=3, dct_method="INTEGER_ACCURATE")

    def of_others() -> tf.Tensor:
        corner, shape = tf.split(part, 2)
        return tf.slice(tf.image.decode_png(data, channels=3), tf.concat([corner, [0]], 0), tf.concat([shape, [3]], 0))

    return tf.cond(tf.io.is_jpeg(data), of_jpeg, of_others)


def crop_all(
    image: tf.Tensor, crops: Sequence[EncodedCrop], windows: Sequence[tf.Tensor], marks: tf.Tensor | None = None
) -> tuple[tf.Tensor, ...]:
    """Cuts crops out of one image.

    Scaled with Pillow's antialiased bilinear filter, in float32 along rows and columns, and rounded once, at the end.
    Pillow rounds to bytes in between as well, so that one value in about five is a level away from Pillow's, none is
    two away, and the exact sums are nearer to these.

    Args:
        image: (h, w, 3) uint8.
        crops: of K pipelines.
        windows: K times (8,) int32, the four pairs of `sbn.augment.encoded_crops.CropWindows`.

        marks: (h, w) uint8, the X of every pixel (label + 1, or 255 without a label), which are those of the
            nearest pixel afterwards; None for an image without a mask.

    Returns:
        K times (H, W) int32 packed words of the crop's size, all image but what `fit` fills up.
    """
    made = []
    for crop, where in zip(crops, windows, strict=True):
        corner, shape, scaled, kept = tf.split(where, 4)
        window = tf.slice(image, tf.concat([corner, [0]], 0), tf.concat([shape, [3]], 0))
        if crop.scales:
            words = _scaled(window, shape, scaled, kept, size=crop.size)
        else:
            words = _packed(*tf.unstack(tf.cast(window, tf.float32), axis=-1))
        mark = MARK if marks is None else _nearest(marks, corner, shape, scaled, kept, size=crop.size)
        if crop.pads:
            down, across = (tf.range(side) < scaled[axis] for axis, side in enumerate(crop.size))
            inside = down[:, None] & across[None, :]
            words, mark = tf.where(inside, words, 0), tf.where(inside, mark, 0)
        made.append(tf.ensure_shape(tf.bitwise.bitwise_or(words, mark), crop.size))
    return tuple(made)


def _nearest(
    marks: tf.Tensor, corner: tf.Tensor, shape: tf.Tensor, scaled: tf.Tensor, kept: tf.Tensor, *, size: tuple[int, int]
) -> tf.Tensor:
    """(h, w) uint8 to (H, W) int32 with nothing but the highest byte: floor((i + 1/2) * shape / scaled), exact."""
    row, column = (
        corner[axis]
        + (2 * tf.minimum(kept[axis] + tf.range(side), scaled[axis] - 1) + 1) * shape[axis] // (2 * scaled[axis])
        for axis, side in enumerate(size)
    )
    shown = tf.cast(tf.gather(tf.gather(marks, row), column, axis=1), tf.int32)
    return tf.bitwise.left_shift(tf.where(shown == 0, 255, shown), np.int32(24))


def _scaled(
    window: tf.Tensor, shape: tf.Tensor, scaled: tf.Tensor, kept: tf.Tensor, *, size: tuple[int, int]
) -> tf.Tensor:
    """(h, w, 3) uint8 to (H, W) words."""
    (height, width), scale, first = size, tf.cast(scaled / shape, tf.float32), tf.cast(kept, tf.float32)
    # Whole lines are blended, so rows come first, columns times colours a row; ...
    rows = _along(tf.reshape(window, [shape[0], -1]), scale[0], first[0], keep=height)
    # ... and then columns, each a row of every colour, so that colours end up apart.
    columns = tf.reshape(tf.transpose(rows), [shape[1], 3 * height])
    colours = tf.reshape(_along(columns, scale[1], first[1], keep=width), [width, 3, height])
    return tf.transpose(_packed(*tf.unstack(tf.floor(colours + _HALF), axis=1)))


def _packed(red: tf.Tensor, green: tf.Tensor, blue: tf.Tensor) -> tf.Tensor:
    """Words without marks of whole numbers that float32 holds exactly, as it does their sum: it is below 2**24."""
    return tf.cast(red + 256.0 * green + 65536.0 * blue, tf.int32)


def _along(lines: tf.Tensor, scale: tf.Tensor, first: tf.Tensor, *, keep: int) -> tf.Tensor:
    """Scales lines (L, M) to L * scale lines, and returns `keep` of them from `first` on: (keep, M) float32."""
    scaled = tf.raw_ops.ScaleAndTranslate(
        images=lines[None, :, None, :],
        size=[keep, 1],
        scale=tf.stack([scale, 1.0]),
        translation=tf.stack([-first, 0.0]),
        kernel_type="triangle",
        antialias=True,
    )
    return scaled[0, :, 0, :]
