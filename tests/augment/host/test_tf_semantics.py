"""`semantics='tf'` against TensorFlow's own image ops, put together as AutoAugment's TPU code does."""

import numpy as np
import pytest
import tensorflow as tf

from sbn.augment import draws, ops
from sbn.augment.host.apply import make_apply
from sbn.augment.host.arrays import pack
from sbn.augment.host.policy import PolicyTables
from sbn.augment.levels import TF_AUTOAUGMENT, TF_RANDAUGMENT, argument
from sbn.augment.pipeline import draw_addresses, parse
from sbn.augment.policies import OP_LISTS, SIGNED, SUBPOLICIES
from sbn.augment.policy_draws import Entry
from tests.oracles import tf_golden, tf_tpu
from tests.oracles.image_ops import hole, images

SIZES = ((32, 32), (20, 27))
IMAGES = {size: images(size, 60, seed=3) for size in SIZES}


def one(name, value, rgb):
    """One op on (N, H, W, 3) uint8, the sign that of the value."""
    negative = value is not None and value < 0
    entry = Entry(name, value and abs(value))
    tables = PolicyTables([entry], image_size=rgb.shape[1:3], fill=128, semantics="tf")
    bits = tf.constant([[0x80000000 * negative, 3 << 26, 5 << 26]] * len(rgb), tf.uint32)
    words = tables(tf.reshape(pack(rgb), [len(rgb), -1]), tf.zeros([len(rgb)], tf.int32), bits)
    return tf.bitcast(words, tf.uint8).numpy().reshape(*rgb.shape[:3], 4)[..., :3]


@pytest.mark.parametrize(("name", "value", "digest"), tf_golden.GOLDEN)
def test_golden_digests(name, value, digest):
    assert tf_golden.digest(one(name, value, tf_golden.image()[None])[0]) == digest


@pytest.mark.parametrize(
    ("size", "level"),
    [
        pytest.param(size, level, marks=[pytest.mark.slow] * (level not in often))
        for size, often in ((SIZES[0], (9,)), (SIZES[1], (0, 3.7, 14)))
        for level in (0, 2, 3.7, 5, 9, 14)
    ],
)
@pytest.mark.parametrize("name", [name for name in TF_RANDAUGMENT if name != "Cutout"])
def test_every_op_equals_tensorflow_at_every_level_and_sign(name, level, size):
    value = argument(name, level, table=TF_RANDAUGMENT)
    for signed in (value, -value) if name in SIGNED else (value,):
        found = one(name, signed, IMAGES[size])
        expected = np.stack([tf_tpu.op(image, name, signed) for image in IMAGES[size]])
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "text",
    [
        "randaugment(2, 9, semantics='tf')",
        "randaugment(3, 4, ops='fixmatch_imagenet_16', fill=3, semantics='tf')",
        "autoaugment('imagenet_v0', fill=128, semantics='tf')",
    ],
)
def test_a_policy_equals_tensorflow_on_one_image_after_the_other(text):
    (op,), size = parse(text), (20, 27)
    (address,) = draw_addresses((op,), size)
    words = make_apply((op,), image_size=size)(pack(IMAGES[size]), seed=3, stage=0, epoch=1, ids=range(60), view=0)
    found = tf.bitcast(words, tf.uint8).numpy()[..., :3]
    bits = draws.bits(3, range(60), stage=0, epoch=1, view=0, draws=address).astype(np.int64)

    def applied(image, name, value, sign, row, column):
        if name == "Cutout":
            return hole(image, row * size[0] >> 32, column * size[1] >> 32, value, op.fill)
        return tf_tpu.op(image, name, -value if name in SIGNED and sign >> 31 else value, op.fill)

    for image, drawn, result in zip(IMAGES[size], bits, found, strict=True):
        if isinstance(op, ops.RandAugment):
            names = OP_LISTS[op.ops]
            for which, *rest in drawn.reshape(op.layers, 4):
                name = names[which * len(names) >> 32]
                image = applied(image, name, argument(name, op.magnitude, table=TF_RANDAUGMENT), *rest)
        else:
            pair = SUBPOLICIES[op.policy][drawn[0] * 25 >> 32]
            for (name, probability, level), (happens, *rest) in zip(pair, drawn[1:].reshape(2, 4), strict=True):
                if happens / 2**32 < probability:
                    image = applied(image, name, argument(name, level, table=TF_AUTOAUGMENT), *rest)
        np.testing.assert_array_equal(result, image)


def test_contrast_fades_to_the_size_of_the_image():
    """A bug of that code which published numbers rest on: it adds a histogram up instead of averaging the image."""
    for size, level in (((16, 16), 1), ((32, 32), 4), ((224, 224), 196), ((300, 300), 255)):
        flat = np.full((1, *size, 3), 90, np.uint8)
        assert np.all(one("Contrast", 0.0, flat) == level)


def test_sharpness_is_that_of_any_convolution_but_for_truncation_at_whole_means():
    factor_0 = one("Sharpness", 0.0, IMAGES[32, 32])[:, 1:-1, 1:-1]
    means = np.stack([tf_tpu.convolved(image) for image in IMAGES[32, 32]])
    # 9 float32 roundings below 256 lose at most 9 * 2**-17; where the mean is further from whole numbers all agree
    sure = np.abs(means - np.round(means)) > 1e-4
    np.testing.assert_array_equal(factor_0[sure], np.floor(means[sure]))
    assert np.abs(factor_0 - means).max() < 1 + 1e-4
    assert np.mean(sure) > 0.7  # flat images, and every 13th sum, are not sure
