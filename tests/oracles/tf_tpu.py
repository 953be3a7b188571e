"""The ops of AutoAugment's TPU code, one image at a time, from TensorFlow's own image and convolution kernels."""

import math

import numpy as np
import tensorflow as tf


def _blend(start, image, factor):
    mixed = tf.cast(start, tf.float32) + factor * (tf.cast(image, tf.float32) - tf.cast(start, tf.float32))
    return tf.cast(tf.clip_by_value(mixed, 0.0, 255.0), tf.uint8)


def _grey(image):
    return tf.image.grayscale_to_rgb(tf.image.rgb_to_grayscale(image))


def _contrast(image, factor):
    histogram = tf.histogram_fixed_width(tf.cast(tf.image.rgb_to_grayscale(image), tf.int32), [0, 255], nbins=256)
    mean = tf.clip_by_value(tf.reduce_sum(tf.cast(histogram, tf.float32)) / 256.0, 0.0, 255.0)
    return _blend(tf.fill(tf.shape(image), tf.cast(mean, tf.uint8)), image, factor)


def convolved(image):
    """[1 1 1; 1 5 1; 1 1 1] / 13 by TensorFlow's kernel: (H, W, 3) -> (H - 2, W - 2, 3) float32."""
    kernel = tf.constant([[1, 1, 1], [1, 5, 1], [1, 1, 1]], tf.float32)[:, :, None, None] / 13.0
    return tf.nn.depthwise_conv2d(
        tf.cast(image, tf.float32)[None], tf.tile(kernel, [1, 1, 3, 1]), [1, 1, 1, 1], padding="VALID"
    )[0]


def smooth(image):
    """The same truncated, in the order and with the fused roundings of oneDNN, on whatever kernels there are."""
    pixels = image.numpy().astype(np.longdouble)
    height, width = image.shape[:2]
    inner = np.zeros((height - 2, width - 2, 3), np.float32)
    for row in range(3):
        for column in range(3):
            weight = np.float32(5 if (row, column) == (1, 1) else 1) / np.float32(13)
            part = pixels[row : row + height - 2, column : column + width - 2] * np.longdouble(weight)
            inner = (inner + part).astype(np.float32)
    out = image.numpy().copy()
    out[1:-1, 1:-1] = inner.astype(np.uint8)
    return tf.constant(out)


def _autocontrast(image):
    planes = []
    for plane in tf.unstack(image, axis=-1):
        low, high = (tf.cast(reduce(plane), tf.float32) for reduce in (tf.reduce_min, tf.reduce_max))
        if high > low:
            scale = 255.0 / (high - low)
            plane = tf.clip_by_value(tf.cast(plane, tf.float32) * scale + -low * scale, 0.0, 255.0)
        planes.append(tf.cast(plane, tf.uint8))
    return tf.stack(planes, axis=-1)


def _equalize(image):
    planes = []
    for plane in np.moveaxis(image.numpy(), -1, 0):
        counts = np.bincount(plane.ravel(), minlength=256)
        step = (counts.sum() - counts[counts > 0][-1]) // 255
        table = np.arange(256)
        if step:
            table = np.clip((np.concatenate([[0], np.cumsum(counts)[:-1]]) + step // 2) // step, 0, 255)
        planes.append(table[plane])
    return np.stack(planes, axis=-1).astype(np.uint8)


def transform(image, name, value, fill):
    """Translations, shears and rotations by `ImageProjectiveTransformV3`, wrapped and unwrapped with an alpha."""
    height, width = image.shape[:2]
    matrix = {
        "ShearX": [1, value, 0, 0, 1, 0],
        "ShearY": [1, 0, 0, value, 1, 0],
        "TranslateX": [1, 0, value, 0, 1, 0],
        "TranslateY": [1, 0, 0, 0, 1, value],
    }
    if name == "Rotate":
        angle = tf.constant(value, tf.float32) * tf.constant(math.pi / 180, tf.float32)
        cos, sin = tf.cos(angle), tf.sin(angle)
        x = ((width - 1) - (cos * (width - 1) - sin * (height - 1))) / 2.0
        y = ((height - 1) - (sin * (width - 1) + cos * (height - 1))) / 2.0
        matrix = {name: [cos, -sin, x, sin, cos, y]}
    wrapped = tf.concat([image, tf.ones_like(image[..., :1]) * 255], axis=-1)[None]
    rows = tf.stack([tf.cast(part, tf.float32) for part in [*matrix[name], 0.0, 0.0]])[None]
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=wrapped,
        transforms=rows,
        output_shape=tf.constant([height, width]),
        fill_value=tf.constant(0.0),
        interpolation="NEAREST",
        fill_mode="CONSTANT",
    )[0]
    return tf.where(moved[..., 3:] > 0, moved[..., :3], tf.constant(fill, tf.uint8))


def op(rgb, name, value, fill=128):
    """One op (Cutout apart) on (H, W, 3) uint8."""
    image = tf.constant(rgb)
    made = {
        "Identity": lambda: image,
        "AutoContrast": lambda: _autocontrast(image),
        "Equalize": lambda: _equalize(image),
        "Invert": lambda: 255 - image,
        "Posterize": lambda: tf.bitwise.left_shift(
            tf.bitwise.right_shift(image, tf.constant(8 - value, tf.uint8)), tf.constant(8 - value, tf.uint8)
        ),
        "Solarize": lambda: tf.where(tf.cast(image, tf.int32) < value, image, 255 - image),
        "SolarizeAdd": lambda: tf.where(
            image < 128, tf.cast(tf.clip_by_value(tf.cast(image, tf.int64) + value, 0, 255), tf.uint8), image
        ),
        "Color": lambda: _blend(_grey(image), image, value),
        "Contrast": lambda: _contrast(image, value),
        "Brightness": lambda: _blend(tf.zeros_like(image), image, value),
        "Sharpness": lambda: _blend(smooth(image), image, value),
    }
    return np.asarray(made[name]() if name in made else transform(image, name, value, fill))
