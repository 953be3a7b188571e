"""One encoded image to frames of it: decoded once, and each frame cut out, scaled and packed."""

import tensorflow as tf

from sbn.augment.framing import Framing
from sbn.augment.packing import MARK

# Columns and rows decoded beside the frames: decoders blur colour differences across neighbours, and the last column of
# a partial decoding lacks its neighbour.
_MARGIN = 4


def decode(data: tf.Tensor, corner: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
    """Decodes a part of an image, bit for bit as Pillow does (libjpeg's accurate integer DCT, smooth chroma).

    Only that part of a JPEG is decoded, at a fraction of the price.

    Args:
        data: the bytes of a JPEG of any colours, or of a PNG, as one file of ImageNet is whatever its name says.
        corner: (2,) int32: first row and column.
        shape: (2,) int32: height and width, within the image.

    Returns:
        (height, width, 3) uint8 RGB.
    """

    def whole() -> tf.Tensor:
        image = tf.image.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")
        return tf.slice(image, tf.concat([corner, [0]], 0), tf.concat([shape, [3]], 0))

    def part() -> tf.Tensor:
        image_size = tf.image.extract_jpeg_shape(data)[:2]
        first = tf.maximum(corner - _MARGIN, 0)
        size = tf.minimum(corner + shape + _MARGIN, image_size) - first
        window = tf.concat([first, size], 0)
        image = tf.image.decode_and_crop_jpeg(data, window, channels=3, dct_method="INTEGER_ACCURATE")
        return tf.slice(image, tf.concat([corner - first, [0]], 0), tf.concat([shape, [3]], 0))

    return tf.cond(tf.io.is_jpeg(data), part, whole)


def frame(
    image: tf.Tensor, framing: Framing, corner: tf.Tensor, shape: tf.Tensor, scaled: tf.Tensor, kept: tf.Tensor
) -> tf.Tensor:
    """Cuts one frame (`sbn.augment.framing.Frames`) out of an image.

    Scaled with Pillow's antialiased bilinear filter, in its order, bytes in between; but in float32, so that one value
    in some hundred differs by one level from Pillow's and from that of the ops for images of one size.

    Args:
        image: (h, w, 3) uint8.
        framing: of the pipeline.
        corner: (2,) int32, and so are the others.
        shape: height and width of the window.
        scaled: what it is scaled to.
        kept: corner of what is kept of that.

    Returns:
        (H, W) int32 packed words, all marked as image, of `framing.size`.
    """
    height, width = framing.size
    window = tf.slice(image, tf.concat([corner, [0]], 0), tf.concat([shape, [3]], 0))
    if framing.scales:
        columns = tf.transpose(tf.reshape(window, [shape[0], shape[1] * 3]))  # so that a tap is a whole line
        lines = _along(tf.reshape(columns, [shape[1], 3 * shape[0]]), scaled[1], kept[1], keep=width)
        rows = tf.transpose(tf.reshape(lines, [width * 3, shape[0]]))
        window = _along(rows, scaled[0], kept[0], keep=height)
    values = tf.cast(tf.reshape(window, [height, width, 3]), tf.int32)
    red, green, blue = (values[..., channel] for channel in range(3))
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
