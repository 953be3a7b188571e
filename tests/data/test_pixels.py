"""Packed pixels reach the network as normalised images."""

import jax
import numpy as np
import pytest

from sbn.data.pixels import normalise, pack, standardise

MEAN, STD = (0.5, 0.25, 0.4), (0.25, 0.5, 0.2)


def test_normalise_undoes_packing_and_is_the_formula():
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5, 3), np.uint8)
    expected = (images / 255 - np.array(MEAN)) / np.array(STD)
    # float32: a value of up to 4 standard deviations carries a few units of 2^-23 of rounding
    np.testing.assert_allclose(normalise(pack(images), mean=MEAN, std=STD), expected, rtol=0, atol=2e-6)


def test_floats_become_what_packed_pixels_become_and_have_no_steps():
    images = np.random.default_rng(1).integers(0, 256, (2, 4, 5, 3), np.uint8)
    floats = standardise(images.astype(np.float32) / 255, mean=MEAN, std=STD)
    # the same formula in another order: a few units of 2^-23 of up to 4 standard deviations
    np.testing.assert_allclose(floats, normalise(pack(images), mean=MEAN, std=STD), rtol=0, atol=2e-6)
    np.testing.assert_allclose(
        standardise(np.full((1, 1, 1, 3), 0.3712), mean=MEAN, std=STD)[0, 0, 0],
        (0.3712 - np.array(MEAN)) / STD,
        rtol=0,
        atol=2e-7,
    )


def test_filler_is_exactly_the_mean_whatever_its_colour():
    packed = pack(np.full((1, 2, 2, 3), 200, np.uint8))
    packed[0, 0, 0] = 0
    packed[0, 0, 1] &= 0x00FFFFFF  # keeps its colour, loses its mark
    out = np.asarray(jax.jit(lambda x: normalise(x, mean=MEAN, std=STD))(packed))
    assert (out[0, 0] == 0).all()
    assert (out[0, 1] != 0).all()


def test_packing_is_little_endian_rgbx():
    assert pack(np.array([[1, 2, 3]], np.uint8))[0] == np.int32(np.uint32(0xFF030201).view(np.int32))


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (2, 0, 1), (0, 2, 1), (1, 2, 0)])
def test_packing_takes_arrays_in_any_order_of_memory(axes):
    image = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)
    other = np.ascontiguousarray(image.transpose(axes)).transpose(np.argsort(axes))
    np.testing.assert_array_equal(pack(other), pack(image))
