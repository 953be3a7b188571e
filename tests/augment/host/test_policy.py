"""Every op alone, on images that reach its special cases, bit for bit against Pillow."""

import hashlib

import numpy as np
import pytest
import tensorflow as tf

from sbn.augment import ops
from sbn.augment.host.arrays import pack
from sbn.augment.host.policy import policy
from sbn.augment.levels import LEVELS, argument
from sbn.augment.policies import OP_LISTS, SIGNED
from tests.oracles.image_ops import hole, images, policy_op

SIZES = ((32, 32), (20, 27))
IMAGES = {size: images(size, 90) for size in SIZES}


def word_for(choice, choices):
    """A draw that makes `below(draw, choices)` the given choice."""
    return -(-(choice << 32) // choices)


def apply_one(name, rgb, *, level, negative=False, row=0, column=0, fill=128):
    """Runs one layer in which every image drew `name`; returns (N, H, W, 4) RGBX."""
    op_list = next(key for key, names in OP_LISTS.items() if name in names)
    names = OP_LISTS[op_list]
    height, width = rgb.shape[1:3]
    choices = ((names.index(name), len(names)), (negative, 2), (row, height), (column, width))
    draw = [word_for(choice, count) for choice, count in choices]
    layers = policy(ops.RandAugment(1, level, op_list, fill), (height, width))
    words, _ = layers(tf.tile(tf.constant([draw], tf.uint32), [len(rgb), 1]), pack(rgb), None)
    return tf.bitcast(words, tf.uint8).numpy()


@pytest.mark.parametrize(
    ("size", "level"),
    [
        pytest.param(size, level, marks=[pytest.mark.slow] * (level not in often))
        for size, often in ((SIZES[0], (5, 30)), (SIZES[1], (0, 3.7, 10, 17)))  # test_pillow has every level
        for level in (0, 1, 2, 3.7, 4, 5, 7, 9, 10, 14, 17, 28, 30)
    ],
)
@pytest.mark.parametrize("name", LEVELS)
def test_every_op_equals_pillow_at_every_level_and_sign(name, level, size):
    for negative in (False, True) if name in SIGNED else (False,):
        found = apply_one(name, IMAGES[size], level=level, negative=negative, row=3, column=17, fill=41)
        value = argument(name, level)
        value = -value if negative else value
        for image, result in zip(IMAGES[size], found, strict=True):
            marked = np.dstack([image, np.full(size, 255, np.uint8)])
            np.testing.assert_array_equal(result, policy_op(marked, name, value, 3, 17, 41))


# A 16x16 image and SHA-256 sums of Pillow 13's results, so that this file also holds where Pillow itself changes.
GOLDEN = [
    ("AutoContrast", 0, False, "b7b1cdb171987f3a5e9e49e53f7b5e50ba5de5548835da8eb5c4366754ee2d4a"),
    ("Equalize", 0, False, "e5c2b31ce0fff070da5cb7868c8258581821fd49387393623a654090eb630aba"),
    ("Invert", 0, False, "30338ccf4161864e054cebb27cda1d3eca040ae68fb663e2441211c94089c690"),
    ("Posterize", 5, False, "bfc53bcb01bbe1583085748bd8405c6e2536d326ac15b23a3c1b23c4da93c3da"),
    ("Solarize", 5, False, "f5f46a8fcf6102b50593d0932a7b95611ef4b635ed17389f32cc854d1bc422b2"),
    ("Solarize", 0, False, "9263ee4dd8aa7bed5a10a75a6e56795cb8a414bfc17c83bbb4a5a1e207dc08d1"),
    ("Color", 0, False, "273ff97ce744c1c588376cdd02be3fb7d7acd54a85b20f25844eb66f488c307e"),
    ("Color", 10, False, "6a27a125239dfb528c91615b2af37186286acbe7e1998924ecad77ed414d5cbe"),
    ("Contrast", 0, False, "183ba760e7e976359b29f783cb93943d38352bf6cec13380bfb276f9e433b829"),
    ("Contrast", 10, False, "7b1a9f2cec610118e7e5ab60d89d0fe0aa9c6ab95cd49c154fc7089cfb4259c8"),
    ("Brightness", 2, False, "8bb0862a4c4a430b1b81300fed97ec09ae8726215ee9101a9ab840e113aad6ac"),
    ("Brightness", 10, False, "3066752ce2360034a9c08710330ed987cd094361eeab566a797cd9cd515c913d"),
    ("Sharpness", 2, False, "a0c04421b60996fc937208c3720902e42000b48206ea7c320bbbf91ea839fea5"),
    ("Sharpness", 7, False, "7b9bb05dfd84c280acd2fe6205e561787774fc79f441e98a7318566eb257d08b"),
    ("ShearX", 7, True, "cfad9c9d7efd771c4f489feb06f5cad23304c5ce0cfba28d28b847b0e6ccf607"),
    ("ShearY", 10, False, "9360cdb12d8947f88f1689e278689d9d6f86ef06ecf595e87bf45aa0ba2fa9ba"),
    ("TranslateX", 3, False, "1d59cb141cb83dc35b8e0498c5b888b91124983021382230d979d7177d2f54fb"),
    ("TranslateY", 5, True, "4ed323cb0c4e3b26212bf9ff57854008fc947baef9309d8d717d6f2c01dcaec1"),
    ("Rotate", 2, False, "b5970534ddfd636c77c6ff8b13edeb3532c76b7142f56c2c1998fea5d57b6c0e"),
    ("Rotate", 9, True, "ed78f054a05cc6d5adc436d1d6cf955a9ab238fff837325951871aa8b6cedfe6"),
]


@pytest.mark.parametrize(("name", "level", "negative", "digest"), GOLDEN)
def test_golden_digests(name, level, negative, digest):
    y, x, c = np.ogrid[:16, :16, :3]
    image = ((37 * y + 91 * x + 53 * c + 7 * x * y + 11 * c * y) % 229 + 5 * (c == 1)).astype(np.uint8)
    found = apply_one(name, image[None], level=level, negative=negative)[0, ..., :3]
    assert hashlib.sha256(np.ascontiguousarray(found).tobytes()).hexdigest() == digest


def test_fillers_keep_their_mark_through_tone_ops_and_move_with_geometry():
    size = (32, 32)
    image = IMAGES[size][20]
    holed = hole(np.dstack([image, np.full(size, 255, np.uint8)]), 10, 12, 8, 0)
    words = tf.constant(np.ascontiguousarray(holed).view(np.int32)[None, ..., 0])
    names = OP_LISTS["tf_tpu_16"]
    layers = policy(ops.RandAugment(1, 7), size)
    for number, name in enumerate(names):
        draw = tf.constant([[word_for(number, 16), 0, 0, 0]], tf.uint32)
        found = tf.bitcast(layers(draw, words, None)[0], tf.uint8).numpy()[0]
        np.testing.assert_array_equal(found, policy_op(holed, name, argument(name, 7), 0, 0, 128))
        if name not in SIGNED and name != "Cutout":
            np.testing.assert_array_equal(found[..., 3], holed[..., 3])


def test_signs_and_ops_are_drawn_evenly():
    op = ops.RandAugment(2, 4)
    rng = np.random.default_rng(0)
    count = 3200
    position = np.broadcast_to(np.arange(16, dtype=np.uint8)[:, None, None], (16, 16, 3)) * 9 + np.uint8(3)
    words = pack(np.broadcast_to(position, (count, 16, 16, 3)))
    bits = rng.integers(0, 2**32, (count, 8), dtype=np.uint32)
    layers = policy(ops.RandAugment(1, 4), (16, 16))
    found = layers(tf.constant(bits[:, :4]), words, None)[0].numpy()
    up = layers(tf.constant([[word_for(13, 16), 0, 0, 0]], tf.uint32), words[:1], None)[0].numpy()[0]
    down = layers(tf.constant([[word_for(13, 16), 2**31, 0, 0]], tf.uint32), words[:1], None)[0].numpy()[0]
    for target in (up, down):  # TranslateY with each sign: 1/32 of 3,200 images, within 5 standard deviations
        share = np.sum(np.all(found == target, axis=(1, 2)))
        assert abs(share - count / 32) < 5 * np.sqrt(count / 32)
    # the second layer reads its own four draws
    both = policy(op, (16, 16))(tf.constant(bits), words, None)[0]
    np.testing.assert_array_equal(both, layers(tf.constant(bits[:, 4:]), tf.constant(found), None)[0])
