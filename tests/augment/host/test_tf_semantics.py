"""`semantics='tf'` against TensorFlow's own image ops, put together as AutoAugment's TPU code does."""

import hashlib

import numpy as np
import pytest
import tensorflow as tf

from sbn.augment import draws, ops
from sbn.augment.entries import Entry
from sbn.augment.host.apply import make_apply
from sbn.augment.host.catalogue import Catalogue
from sbn.augment.host.packing import pack
from sbn.augment.levels import argument
from sbn.augment.pipeline import draw_addresses, parse
from sbn.augment.policies import OP_LISTS, SIGNED
from sbn.augment.subpolicies import SUBPOLICIES
from sbn.augment.tf_levels import TF_AUTOAUGMENT, TF_RANDAUGMENT
from tests.oracles import tf_tpu
from tests.oracles.image_ops import hole, images

SIZES = ((32, 32), (20, 27))
IMAGES = {size: images(size, 60, seed=3) for size in SIZES}
GOLDEN = [
    ("AutoContrast", None, "9a6eb1716166a1a437905381695d74e2097461b6c98d9a0b7544654deb04a4e6"),
    ("Equalize", None, "e5c2b31ce0fff070da5cb7868c8258581821fd49387393623a654090eb630aba"),
    ("Color", 0.1, "a371f8e8326a76310da203318c57250e942c04cf2c7fdb99f9b9c8c3d90dab39"),
    ("Contrast", 0.1, "c90c72991862bd6a4b887a39990833794fbf7d8be97e59c06909cc7f834513ab"),
    ("Brightness", 0.1, "a676cce61c5b3ccf1006631e2390f1147ff8ec9843b23087ff8e1720fbfea713"),
    ("Sharpness", 0.1, "61439d838b30f84f45a95432e756ac572219bdb9feadd5252354f94a6630274f"),
    ("Color", 0.46, "0359405f85023ca90fed22ce5254fd1e777586fb47d921eaaa67d795782e389e"),
    ("Contrast", 0.46, "9c3ba6711d3f43736a414990753ab9625bfd74fbbb8bca12ed4d188361a69dce"),
    ("Brightness", 0.46, "8bb0862a4c4a430b1b81300fed97ec09ae8726215ee9101a9ab840e113aad6ac"),
    ("Sharpness", 0.46, "6e95fb760c2a533de9aa2f5713a57d92394c2e87662f8652dbda1c9bbba3e885"),
    ("Color", 1.36, "793f53bbb5d79d352fe8fb764889cbe8b4e7f8f2cdd67fbd8f9cb73d565bc34c"),
    ("Contrast", 1.36, "eb042e5ccaec2908e9277bbbe0570d7bf177eb36b000489a954137c053603bb2"),
    ("Brightness", 1.36, "c45c69959b98138f797fa6356f1b123868ca28defe33c34fab4b6746473c08f6"),
    ("Sharpness", 1.36, "cf70c0e3851db5cc303cb96c41b873cac83d386475e716f56cd5232f138b1270"),
    ("Color", 1.9, "07fdd1a46f22a0361f7c5156290a69e6a087b6910b7206739e11615f9051dd08"),
    ("Contrast", 1.9, "d90b3181e3c7877525ab0d706e4c9f5532d85648698d4bb3e78ffeab052db54d"),
    ("Brightness", 1.9, "3066752ce2360034a9c08710330ed987cd094361eeab566a797cd9cd515c913d"),
    ("Sharpness", 1.9, "dae44b40234005219725219bb824d30c0595763b58ded3d59809f7f29223f5c2"),
    ("SolarizeAdd", 55, "673f0dd35eb40e7bc563a40b775325c205127c34605346c405a331fa5be47c5a"),
    ("ShearX", 0.09, "92f3d315c641cc36799c88c285358bd546642ce949865be71056e2d5496537c3"),
    ("ShearY", 0.09, "d034125d700d33cf512f16d34f6bb4b47034ee6bd57bd1149de6017e1a367b5f"),
    ("ShearX", -0.21, "e2c517a58cd2c910ce7a4635778bee03306c80db02524a60ebed702bbba43058"),
    ("ShearY", -0.21, "495ccf14640567f9354739508f216f2b00f9bacbc90ee1b3ab6b99f7ccee4e90"),
    ("ShearX", 0.3, "29209d4dda035577132132e54f3c796dd64ce787a2646470604ac985386c1cb5"),
    ("ShearY", 0.3, "e7aebd9380cccf402a30b0596456e1742af0123282aa2e18f03aea68cce35ce5"),
    ("Rotate", 6, "b5970534ddfd636c77c6ff8b13edeb3532c76b7142f56c2c1998fea5d57b6c0e"),
    ("Rotate", -27, "ed78f054a05cc6d5adc436d1d6cf955a9ab238fff837325951871aa8b6cedfe6"),
    ("Rotate", 30, "7e5836401defbbcff209186d879f49518ba5196db3da242e3cc93d29ba87d5cf"),
]


def one(name, value, rgb):
    """One op on (N, H, W, 3) uint8, the sign that of the value."""
    negative = value is not None and value < 0
    entry = Entry(name, value and abs(value))
    catalogue = Catalogue([entry], image_size=rgb.shape[1:3], fill=128, semantics="tf")
    bits = tf.constant([[0x80000000 * negative, 3 << 26, 5 << 26]] * len(rgb), tf.uint32)
    words = catalogue(tf.reshape(pack(rgb), [len(rgb), -1]), tf.zeros([len(rgb)], tf.int32), bits)
    return tf.bitcast(words, tf.uint8).numpy().reshape(*rgb.shape[:3], 4)[..., :3]


@pytest.mark.parametrize(("name", "value", "digest"), GOLDEN)
def test_golden_digests(name, value, digest):
    y, x, c = np.ogrid[:16, :16, :3]
    image = ((37 * y + 91 * x + 53 * c + 7 * x * y + 11 * c * y) % 229 + 5 * (c == 1)).astype(np.uint8)
    found = one(name, value, image[None])[0]
    assert hashlib.sha256(np.ascontiguousarray(found).tobytes()).hexdigest() == digest


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("level", [0, 2, 3.7, 5, 9, 14])
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
