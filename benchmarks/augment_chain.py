"""The classical baseline of `augment_host`: one image at a time, one `tf.cond` an op, TensorFlow's own image ops.

This is the form of RandAugment's released TensorFlow code: every layer walks through all ops, each behind a `tf.cond`.
"""

import math

import tensorflow as tf

from sbn.augment.levels import argument
from sbn.augment.policies import TF_TPU_16


def _blend(start, image, factor):
    start, image = tf.cast(start, tf.float32), tf.cast(image, tf.float32)
    return tf.cast(tf.clip_by_value(start + factor * (image - start), 0.0, 255.0), tf.uint8)


def _per_channel(image, function):
    return tf.stack([function(image[..., channel]) for channel in range(3)], axis=-1)


def _autocontrast(image, _):
    def stretch(plane):
        values = tf.cast(plane, tf.float32)
        low, high = tf.reduce_min(values), tf.reduce_max(values)
        scale = 255.0 / tf.maximum(high - low, 1.0)
        stretched = tf.cast(tf.clip_by_value((values - low) * scale, 0.0, 255.0), tf.uint8)
        return tf.where(high > low, stretched, plane)

    return _per_channel(image, stretch)


def _equalize(image, _):
    def equalize(plane):
        values = tf.cast(plane, tf.int32)
        counts = tf.histogram_fixed_width(values, [0, 255], nbins=256)
        present = tf.boolean_mask(counts, counts > 0)
        step = (tf.reduce_sum(present) - present[-1]) // 255
        table = (tf.cumsum(counts, exclusive=True) + step // 2) // tf.maximum(step, 1)
        mapped = tf.cast(tf.gather(tf.clip_by_value(table, 0, 255), values), tf.uint8)
        return tf.where(step > 0, mapped, plane)

    return _per_channel(image, equalize)


def _posterize(image, bits):
    return tf.bitwise.left_shift(tf.bitwise.right_shift(image, 8 - bits), 8 - bits)


def _solarize(image, threshold):
    return tf.where(tf.cast(image, tf.int32) < threshold, image, 255 - image)


def _solarize_add(image, addition):
    wide = tf.cast(image, tf.int32)
    return tf.where(image < 128, tf.cast(tf.minimum(wide + addition, 255), tf.uint8), image)


def _color(image, factor):
    return _blend(tf.image.grayscale_to_rgb(tf.image.rgb_to_grayscale(image)), image, factor)


def _contrast(image, factor):
    mean = tf.reduce_mean(tf.cast(tf.image.rgb_to_grayscale(image), tf.float32))
    return _blend(tf.floor(mean + 0.5), image, factor)


def _sharpness(image, factor):
    kernel = tf.constant([[1, 1, 1], [1, 5, 1], [1, 1, 1]], tf.float32, shape=[3, 3, 1, 1]) / 13.0
    inner = tf.nn.depthwise_conv2d(
        tf.cast(image, tf.float32)[None], tf.tile(kernel, [1, 1, 3, 1]), [1, 1, 1, 1], "VALID"
    )[0]
    smooth = tf.pad(tf.cast(tf.clip_by_value(inner, 0.0, 255.0), tf.uint8), [[1, 1], [1, 1], [0, 0]])
    is_inner = tf.pad(tf.ones_like(inner, tf.bool), [[1, 1], [1, 1], [0, 0]])
    return _blend(tf.where(is_inner, smooth, image), image, factor)


def _transform(image, matrix):
    # a fourth channel of ones finds the uncovered pixels, which become grey
    marked = tf.concat([image, tf.ones_like(image[..., :1])], axis=-1)
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=marked[None],
        transforms=tf.cast(tf.stack([*matrix, 0.0, 0.0]), tf.float32)[None],
        output_shape=tf.shape(image)[:2],
        fill_value=0.0,
        interpolation="NEAREST",
    )[0]
    return tf.where(moved[..., 3:] > 0, moved[..., :3], tf.constant(128, tf.uint8))


def _signed(value):
    return value * tf.sign(tf.random.uniform([]) - 0.5)


def _rotate(image, degrees):
    angle = _signed(degrees * math.pi / 180.0)
    centre = (image.shape[0] - 1) / 2.0
    cos, sin = tf.cos(angle), tf.sin(angle)
    x, y = centre - (cos * centre - sin * centre), centre - (sin * centre + cos * centre)
    return _transform(image, (cos, -sin, x, sin, cos, y))


def _cutout(image, side, colour=128):
    size = image.shape[0]
    centre = tf.random.uniform([2], 0, size, tf.int32)
    low, high = tf.maximum(centre - side // 2, 0), tf.minimum(centre + side // 2, size)
    hole = tf.zeros(high - low, image.dtype)
    mask = tf.pad(hole, tf.stack([low, size - high], axis=1), constant_values=1)[..., None]
    return tf.where(mask == 0, tf.constant(colour, tf.uint8), image)


OPS = {
    "AutoContrast": _autocontrast,
    "Equalize": _equalize,
    "Invert": lambda image, _: 255 - image,
    "Rotate": _rotate,
    "Posterize": _posterize,
    "Solarize": _solarize,
    "SolarizeAdd": _solarize_add,
    "Color": _color,
    "Contrast": _contrast,
    "Brightness": lambda image, factor: _blend(tf.zeros_like(image), image, factor),
    "Sharpness": _sharpness,
    "ShearX": lambda image, v: _transform(image, (1.0, _signed(v), 0.0, 0.0, 1.0, 0.0)),
    "ShearY": lambda image, v: _transform(image, (1.0, 0.0, 0.0, _signed(v), 1.0, 0.0)),
    "TranslateX": lambda image, v: _transform(image, (1.0, 0.0, _signed(float(v)), 0.0, 1.0, 0.0)),
    "TranslateY": lambda image, v: _transform(image, (1.0, 0.0, 0.0, 0.0, 1.0, _signed(float(v)))),
    "Cutout": _cutout,
}


def make_pair(layers, *, side):
    """Returns a function (H, W, 3) uint8 tensor -> (weak, strong) uint8 tensors."""

    def finish(image):
        if side == 32:
            image = tf.image.random_crop(tf.pad(image, [[4, 4], [4, 4], [0, 0]]), [side, side, 3])
        image = tf.image.random_flip_left_right(image)
        return _cutout(image, 16, colour=0) if side == 32 else image

    def layer(image):
        drawn = tf.random.uniform([], 0, len(TF_TPU_16), tf.int32)
        for number, name in enumerate(TF_TPU_16):
            op, value = OPS[name], argument(name, 10)
            image = tf.cond(drawn == number, lambda i=image, op=op, v=value: op(i, v), lambda i=image: i)
            image.set_shape([side, side, 3])
        return image

    def pair(image):
        image.set_shape([side, side, 3])
        strong = image
        for _ in range(layers):
            strong = layer(strong)
        return finish(image), finish(strong)

    return pair
