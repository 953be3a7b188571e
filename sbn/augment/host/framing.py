"""One encoded image to frames of it: decoded once, and each frame cut out, scaled and packed."""

from collections.abc import Sequence

import tensorflow as tf

from sbn.augment.framing import Framing
from sbn.augment.packing import MARK

# Decoders blur differences of colour across neighbours, which the border of a part lacks where the image goes on.
MARGIN = 4


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


def frame_all(image: tf.Tensor, framings: Sequence[Framing], frames: Sequence[tf.Tensor]) -> tuple[tf.Tensor, ...]:
    """Cuts frames out of one image.

    Scaled with Pillow's antialiased bilinear filter, in its order, bytes in between; but in float32, so that a few
    values in a hundred differ by one level from Pillow's and from that of the ops for images of one size.

    Args:
        image: (h, w, 3) uint8.
        framings: of K pipelines.
        frames: K times (8,) int32, the four pairs of `sbn.augment.framing.Frames`.

    Returns:
        K times (H, W) int32 packed words, all marked as image, of the framing's size.
    """
    # Lines are cut out and blended whole, so the axis that is scaled comes first: columns, three colours a column, ...
    columns = tf.reshape(tf.transpose(_flat(image)), [tf.shape(image)[1], -1])
    made = []
    for framing, frame in zip(framings, frames, strict=True):
        (top, left), shape, scaled, kept = (tf.unstack(pair) for pair in tf.split(frame, 4))
        if framing.scales:
            lines = _along(columns[left : left + shape[1]], scaled[1], kept[1], keep=framing.size[1])
            rows = tf.transpose(tf.reshape(lines, [3 * framing.size[1], -1]))  # ... and then rows
            pixels = _along(rows[top : top + shape[0]], scaled[0], kept[0], keep=framing.size[0])
        else:
            pixels = image[top : top + shape[0], left : left + shape[1]]
        made.append(_packed(tf.reshape(pixels, [*framing.size, 3])))
    return tuple(made)


def _flat(image: tf.Tensor) -> tf.Tensor:
    return tf.reshape(image, [tf.shape(image)[0], -1])


def _packed(pixels: tf.Tensor) -> tf.Tensor:
    red, green, blue = tf.unstack(tf.cast(pixels, tf.int32), axis=-1)
    shifted = tf.bitwise.bitwise_or(tf.bitwise.left_shift(green, 8), tf.bitwise.left_shift(blue, 16))
    return tf.bitwise.bitwise_or(tf.bitwise.bitwise_or(red, MARK), shifted)


def _along(lines: tf.Tensor, target: tf.Tensor, first: tf.Tensor, *, keep: int) -> tf.Tensor:
    """Scales L lines (L, M) to `target` lines, and returns `keep` of them from `first` on: float32, whole numbers."""
    scaled = tf.raw_ops.ScaleAndTranslate(
        images=lines[None, :, None, :],
        size=[keep, 1],
        scale=[tf.cast(target, tf.float32) / tf.cast(tf.shape(lines)[0], tf.float32), 1.0],
        translation=[-tf.cast(first, tf.float32), 0.0],
        kernel_type="triangle",
        antialias=True,
    )
    return tf.floor(scaled[0, :, 0, :] + 0.5)
