"""The tone tables against Pillow on every input there is."""

import numpy as np
import pytest
from PIL import Image, ImageOps

from sbn.augment.device import tones
from sbn.augment.device.fixed_point import float32
from sbn.augment.levels import argument
from sbn.augment.policy_draws import Entry
from sbn.augment.tone_tables import VALUES, autocontrast_slips, tone_numbers, tone_rows
from tests import compiling

LEVELS_TESTED = [0, 1, 2, 3.7, 4, 4.5, 5, 6.3, 7, 8, 9, 10, 11.7, 14, 17, 28, 30]


def test_autocontrast_equals_pillow_for_every_darkest_and_brightest_value():
    high, low = np.tril_indices(256)  # flat images among them
    planes = np.clip(VALUES, low[:, None], high[:, None]).astype(np.int32)
    rows = np.resize(planes, (-(-len(planes) // 3) * 3, 256))
    found = np.asarray(compiling.jit(tones.autocontrast)(rows.reshape(-1, 3, 256))).reshape(-1, 256)
    for row, plane in enumerate(planes):
        expected = np.asarray(ImageOps.autocontrast(Image.fromarray(plane[None].astype(np.uint8))))[0]
        np.testing.assert_array_equal(found[row], expected)


def test_pillow_slips_where_the_doc_says():
    assert np.unpackbits(autocontrast_slips("float64").view(np.uint8)).sum() == 12_094


@pytest.mark.parametrize("level", LEVELS_TESTED)
def test_products_and_one_sum_equal_pillows_blend_for_every_base_and_value(level):
    factor = argument("Color", level)
    base, value = (grid.astype(np.uint8) for grid in np.mgrid[:256, :256])
    expected = np.asarray(Image.blend(Image.fromarray(base), Image.fromarray(value), factor))
    numbers = tone_numbers([Entry("Color", factor)])
    planes = [np.tile(x.reshape(1, 1, -1).astype(np.int32), (1, 3, 1)) for x in (base, value)]
    found = compiling.jit(tones.blend)(planes[0], numbers, planes[1])
    for channel in range(3):
        np.testing.assert_array_equal(np.asarray(found)[0, channel].reshape(256, 256), expected)


@pytest.mark.parametrize("level", LEVELS_TESTED)
def test_rows_of_ops_on_values_equal_pillow(level):
    ops = {
        "Invert": lambda image, v: ImageOps.invert(image),
        "Posterize": lambda image, v: ImageOps.posterize(image, v),
        "Solarize": lambda image, v: ImageOps.solarize(image, v),
        "Identity": lambda image, v: image,
        "Rotate": lambda image, v: image,  # moves values and leaves them as they are
    }
    entries = [Entry(name, argument(name, level)) for name in ops]
    every = Image.fromarray(VALUES.astype(np.uint8)[None])
    for row, entry in zip(tone_rows(entries), entries, strict=True):
        np.testing.assert_array_equal(row[255:], np.asarray(ops[entry.name](every, entry.argument))[0])
    planes = np.tile(VALUES.astype(np.int32), (len(entries), 3, 1))
    found = tones.on_values(tone_numbers(entries), planes)
    np.testing.assert_array_equal(found, np.tile(tone_rows(entries)[:, None, 255:], (1, 3, 1)))


def test_factors_drawn_in_the_step_blend_as_factors_known_before():
    rng = np.random.default_rng(0)
    # short ones too, whose products lie at ties
    factors = np.concatenate([rng.uniform(0.1, 2, 600), rng.integers(1, 2**17, 200) / 2**16, [1.0, 2 - 2.0**-22]])
    factors = np.float32(factors)  # whole multiples of 2**-31
    entries = [Entry("Color", factor) for factor in factors]
    mantissa, exponent = float32(np.uint32(factors.astype(np.float64) * 2**31))
    planes = np.tile(VALUES.astype(np.int32), (len(factors), 3, 1))
    base = np.array([0, 100, 255], np.int32)[:, None]
    found = compiling.jit(tones.blend)(
        base, tone_numbers(entries)._replace(mantissa=mantissa, exponent=exponent), planes
    )
    products = tone_rows(entries)[:, None][np.arange(len(factors))[:, None, None], 0, planes - base + 255]
    np.testing.assert_array_equal(found, np.clip(base.astype(np.float32) + products, 0, 255).astype(np.int32))


def test_a_factor_below_zero_is_refused():
    with pytest.raises(ValueError, match=r"Color has factor -0\.5"):
        tone_numbers([Entry("Color", -0.5)])
    assert tone_numbers([Entry("Color", 0.0)]).mantissa == 0
