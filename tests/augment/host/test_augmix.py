import hashlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from sbn.augment import draws, geometry, ops
from sbn.augment.host import bilinear
from sbn.augment.host.apply import make_apply
from sbn.augment.host.arrays import MARK, pack
from sbn.augment.host.augmix import Chains
from sbn.augment.pipeline import draw_addresses, parse
from tests.oracles import augmix
from tests.oracles.image_ops import images, run

SIZES = ((32, 32), (20, 27))
IMAGES = {size: images(size, 60, seed=2) for size in SIZES}
ADDRESS = {"seed": 5, "stage": 1, "epoch": 3, "view": 1}


def rgb_of(words, size):
    return tf.bitcast(words, tf.uint8).numpy().reshape(-1, *size, 4)[..., :3]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "op",
    [
        ops.AugMix(),
        ops.AugMix(severity=10, width=2, all_ops=True),
        ops.AugMix(severity=0.1, width=1, depth=5),
        ops.AugMix(severity=6.5, width=4, depth=2, alpha=2, all_ops=True),
    ],
)
def test_chains_equal_pillow_bit_for_bit(op, size):
    layers = Chains(op, size)
    count = op.draws_needed(size) - op.alpha * (op.width + 2)
    bits = draws.bits(1, range(60), stage=0, epoch=0, view=0, draws=range(count))
    found = layers.chains(tf.constant(bits), tf.reshape(pack(IMAGES[size]), [60, -1])).numpy()
    for number, image in enumerate(IMAGES[size]):
        np.testing.assert_array_equal(rgb_of(found[number], size), augmix.chains(image, op, bits[number]))


@pytest.mark.parametrize("negative", [False, True])
# test_pillow has twelve levels of every op, on images that are harder
@pytest.mark.parametrize(
    "level", [pytest.param(n, marks=[pytest.mark.slow] * (n in (0.1, 1.0, 7.3))) for n in (0.1, 1.0, 2.9, 7.3, 9.99)]
)
@pytest.mark.parametrize("name", augmix.NAMES + augmix.MORE)
def test_every_op_equals_pillow_at_its_level_and_sign(name, level, negative):
    size = (20, 27)
    layers = Chains(ops.AugMix(severity=10, width=1, depth=1, all_ops=True), size)
    names = augmix.NAMES + augmix.MORE
    unit = round((level - 0.1) / 9.9 * 2**24)
    words = [0, -(-(names.index(name) << 32) // 13), unit << 8, int(negative) << 31]
    bits = tf.tile(tf.constant([words], tf.uint32), [60, 1])
    found = rgb_of(layers.chains(bits, tf.reshape(pack(IMAGES[size]), [60, -1])), size)
    for image, result in zip(IMAGES[size], found, strict=True):
        np.testing.assert_array_equal(result, augmix.base_op(image, name, 0.1 + 9.9 * (unit / 2**24), negative))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("text", ["augmix", "augmix(7, 2, 4, 3, True)", "augmix(width=16, alpha=2)", "augmix(width=1)"])
def test_a_mixture_is_that_of_floats_within_half_a_level(text, size):
    pipeline = parse(f"crop(4)|flip|{text}")
    address = draw_addresses(pipeline, size)[2]
    found = make_apply(pipeline, image_size=size)(pack(IMAGES[size]), ids=range(60), **ADDRESS)
    found = tf.bitcast(found, tf.uint8).numpy()
    assert (found[..., 3] == 255).all()  # what the crop left empty is black from here on
    for number, image in enumerate(IMAGES[size]):
        cropped = run(image, pipeline[:2], identity=number, **ADDRESS)
        bits = draws.bits(5, [number], stage=1, epoch=3, view=1, draws=address)[0]
        expected = augmix.mixture(cropped, pipeline[2], bits.astype(np.int64))
        # rounding to a byte, 1/2, and weights of 16 bits: width + 1 roundings of at most 255 / 2**17 each
        bound = 0.5 + 255 * (pipeline[2].width + 1) / 2**17 + 1e-3
        assert np.abs(found[number, ..., :3] - expected).max() <= bound


def test_zero_draws_leave_the_image():
    size, op = (8, 8), ops.AugMix()
    image = IMAGES[32, 32][20][None, :8, :8]
    bits = tf.zeros([1, op.draws_needed(size)], tf.uint32)
    np.testing.assert_array_equal(rgb_of(Chains(op, size)(bits, pack(image)), size), image)


# SHA-256 sums of Pillow 13's results for a 16x16 image, so that this file also holds where Pillow itself changes.
GOLDEN = [
    ("shearx", 0.09, "3ce912f710b9e4209c774d2d29c1ec44a521bd73b7ce2c171d3d19c44c405554"),
    ("shearx", -0.21, "97ac7f84c6b30e2d4bed2831734cf76c71dff213430915904dcb6c3451fae490"),
    ("shearx", 0.3, "2fc74c6c9b649f6de20d513e99f4644c7d33ca8d07bd1830af790d43642c4d2b"),
    ("rotate", 6, "31dee663e93a7d662af386843f8e0856fdd2696c84406094c9370475aaf44332"),
    ("rotate", -27, "ec874163128d41d8b99b004df164879d86f7b31bb32c688eafc14dd67733eb32"),
    ("rotate", 30, "8613d74886f2079b3b203790dc0ed75bf308f3519dd698e8e947a9e3c02f259e"),
]


@pytest.mark.parametrize(("name", "value", "digest"), GOLDEN)
def test_golden_digests(name, value, digest):
    y, x, c = np.ogrid[:16, :16, :3]
    image = ((37 * y + 91 * x + 53 * c + 7 * x * y + 11 * c * y) % 229 + 5 * (c == 1)).astype(np.uint8)
    matrix = geometry.rotation(value % 360, 16, 16) if name == "rotate" else (1, value, 0, 0, 1, 0)
    words = tf.reshape(pack(image[None]), [1, -1])
    moved = bilinear.transform(words, tf.constant([matrix], tf.float64), image_size=(16, 16), fill=MARK)
    found = rgb_of(moved, (16, 16))
    assert hashlib.sha256(np.ascontiguousarray(found).tobytes()).hexdigest() == digest


@pytest.mark.parametrize(
    "matrix",
    [
        (1, 0, -0.5, 0, 1, 0.5),  # positions on the border itself
        (1, 0, 0.5, 0, 1, -0.5),
        (0.7, -0.2, 3.1, 0.4, 1.3, -5.7),
        (-1, 0, 27, 0, 1, 0),
        (90, 0, 0, 0, 1e5, -7e5),
    ],
)
def test_any_matrix_equals_pillow(matrix):
    size = (20, 27)
    rows = tf.constant([matrix] * 60, tf.float64)
    found = bilinear.transform(tf.reshape(pack(IMAGES[size]), [60, -1]), rows, image_size=size, fill=MARK)
    for image, result in zip(IMAGES[size], rgb_of(found, size), strict=True):
        method, filter = Image.Transform.AFFINE, Image.Resampling.BILINEAR
        expected = Image.fromarray(image).transform(size[::-1], method, matrix, filter)
        np.testing.assert_array_equal(result, expected)


def test_marks_follow_the_pixel():
    words = tf.constant([[MARK, 0, MARK, MARK]])
    moved = bilinear.transform(words, tf.constant([[1, 0, 1, 0, 1, 0]], tf.float64), image_size=(1, 4), fill=7)
    np.testing.assert_array_equal(moved, [[0, MARK, MARK, 7]])
