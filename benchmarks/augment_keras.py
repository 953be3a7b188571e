"""Keras's batched RandAugment, as a user would put it into tf.data; generous: it leaves out crop, flip and Cutout."""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import tensorflow as tf


def make_pair(layers):
    """Returns a function from uint8 images (N, H, W, 3) to (the images, RandAugmented images)."""
    augment = keras.layers.RandAugment(value_range=(0, 255), num_ops=layers, factor=1.0)

    def pair(images):
        return images, tf.cast(augment(images, training=True), tf.uint8)

    return pair
