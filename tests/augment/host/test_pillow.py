"""Every op of the policies at every magnitude, bit for bit against the installed Pillow, on difficult images."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from sbn.augment import ops
from sbn.augment.host import tones
from sbn.augment.host.arrays import pack
from sbn.augment.host.augmix import Chains
from sbn.augment.host.policy import PolicyTables
from sbn.augment.levels import LEVELS, WIDE, argument
from sbn.augment.policies import SIGNED
from sbn.augment.policy_draws import Entry
from tests.oracles import augmix
from tests.oracles.image_ops import pillow_op

# lines, the smallest with a pixel inside, and one with as many pixels as grey levels and more
OFTEN = ((33, 1), (2, 9), (3, 3), (31, 33))
SELDOM = ((1, 1), (1, 2), (1, 33), (2, 2), (9, 3), (5, 7), (16, 16))
SIZES = (*OFTEN, *(pytest.param(size, marks=pytest.mark.slow) for size in SELDOM))
FILL = 41
# every magnitude of RandAugment, AutoAugment (0 to 10) and TrivialAugment (0 to 30), the halves too
ENTRIES = tuple(
    dict.fromkeys(
        Entry(name, argument(name, level, table=table))
        for table in (LEVELS, WIDE)
        for name in table
        for level in np.arange(0, 30.5, 0.5 if table is LEVELS else 1)
        if name != "Cutout"
    )
)


def difficult(size):
    """Flat images, flat but for a pixel, two levels, all 256 levels, few and many levels, steep and smooth ones."""
    rng, (height, width) = np.random.default_rng(5), size
    made = [np.full((height, width, 3), value) for value in (0, 1, 127, 128, 254, 255)]
    made.append(np.broadcast_to([3, 200, 77], (height, width, 3)))
    for value, other in ((0, 255), (255, 254), (90, 91)):
        spotted = np.full((height, width, 3), value)
        spotted[height // 2, width // 2, 1] = other
        made.append(spotted)
    made.append(255 * rng.integers(0, 2, (height, width, 3)))
    levels = np.tile(np.arange(256), height * width // 256 + 1)[: height * width]
    made += [np.stack([rng.permutation(levels) for _ in range(3)], axis=-1).reshape(height, width, 3) for _ in range(3)]
    made += [rng.integers(0, 256, (height, width, 3)) for _ in range(2)]
    made += [np.rint(255 * rng.beta(a, b, (height, width, 3))) for a, b in ((0.2, 3), (5, 0.5), (40, 40))]
    rows, columns = np.mgrid[:height, :width]
    made.append(
        np.dstack([255 * rows // max(height - 1, 1), 255 * columns // max(width - 1, 1), (rows * columns) % 256])
    )
    return np.stack(made).astype(np.uint8)


def test_the_images_are_what_they_are_meant_to_be():
    whole = [image for image in difficult((16, 16)) if all(len(np.unique(image[..., c])) == 256 for c in range(3))]
    assert len(whole) == 3
    assert {entry.name for entry in ENTRIES} == set(LEVELS) - {"Cutout"}
    # 256 - int(25.6 * level) at 61 levels is another threshold each but 0 from level 10 on
    assert len({entry.argument for entry in ENTRIES if entry.name == "Solarize"}) > 30


def test_the_grey_of_every_colour_is_pillows():
    """274 of the 16.8 million colours lie on the very edge between two greys; random images have none of them."""
    green, blue = (values.astype(np.uint8) for values in np.mgrid[:256, :256])
    for red in range(256):
        rgb = np.dstack([np.full_like(green, red), green, blue])
        found = tones.luma(tf.constant(rgb.reshape(1, -1, 3).transpose(0, 2, 1).astype(np.int32)))
        np.testing.assert_array_equal(found.numpy().reshape(256, 256), np.asarray(Image.fromarray(rgb).convert("L")))


@pytest.mark.parametrize("size", SIZES)
def test_every_op_at_every_magnitude_and_sign_equals_pillow(size):
    tables = PolicyTables(ENTRIES, image_size=size, fill=FILL)
    cases = [(k, sign) for k, entry in enumerate(ENTRIES) for sign in ((1, -1) if entry.name in SIGNED else (1,))]
    drawn = tf.constant([number for number, _ in cases])
    bits = tf.constant([[0 if sign > 0 else 2**31, 0, 0] for _, sign in cases], tf.uint32)
    for image in difficult(size):
        words = tf.reshape(pack(image[None]), [1, -1])
        found = tables(tf.repeat(words, len(cases), axis=0), drawn, bits)
        found = tf.bitcast(found, tf.uint8).numpy().reshape(-1, *size, 4)
        assert np.all(found[..., 3] == 255)
        for (number, sign), result in zip(cases, found[..., :3], strict=True):
            name, value = ENTRIES[number]
            value = value if value is None else sign * value
            expected = pillow_op(image, name, value, FILL)
            if not np.array_equal(result, expected):
                raise AssertionError(f"{name} {value}: {np.sum(result != expected)} values of {image.tolist()} differ")


@pytest.mark.parametrize("size", SIZES)
def test_every_op_with_bilinear_geometry_equals_pillow(size):
    layers = Chains(ops.AugMix(severity=10, width=1, depth=1, all_ops=True), size)
    names, levels = augmix.NAMES + augmix.MORE, [*np.linspace(0.1, 9.99, 12), 1.0, 5.0]
    units = [round((level - 0.1) / 9.9 * 2**24) for level in levels]
    cases = [(name, unit, negative) for name in names for unit in units for negative in (False, True)]
    draws = [[0, -(-(names.index(name) << 32) // 13), unit << 8, negative << 31] for name, unit, negative in cases]
    for image in difficult(size)[::3]:
        words = tf.repeat(tf.reshape(pack(image[None]), [1, -1]), len(cases), axis=0)
        found = tf.bitcast(layers.chains(tf.constant(draws, tf.uint32), words), tf.uint8).numpy()
        for (name, unit, negative), result in zip(cases, found.reshape(-1, *size, 4)[..., :3], strict=True):
            expected = augmix.base_op(image, name, 0.1 + 9.9 * (unit / 2**24), negative)
            np.testing.assert_array_equal(result, expected, err_msg=f"{name} {unit} {negative}")
