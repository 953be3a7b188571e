import numpy as np
import pytest
from PIL import Image

from sbn.augment import kernels


@pytest.mark.parametrize(("size", "target"), [(32, 16), (32, 11), (27, 26), (32, 32), (5, 1), (9, 20)])
def test_resizing_a_line_equals_pillow(size, target):
    line = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    positions, weights = kernels.resize(size, target)
    total = (line[positions].astype(int) * weights).sum(axis=1) + (1 << (kernels.RESIZE_BITS - 1))
    expected = Image.fromarray(line[None]).resize((target, 1), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(total >> kernels.RESIZE_BITS, np.asarray(expected)[0])


@pytest.mark.parametrize(("sigma", "side"), [(1.5, 5), (0.1, 3), (10, 61), (100, 99)])
def test_the_gaussian_is_that_of_real_numbers_to_half_a_count(sigma, side):
    weights = kernels.gaussian(sigma, side)
    x = np.arange(side) - side // 2
    exact = np.exp(-(x**2) / (2 * sigma**2))
    np.testing.assert_allclose(weights, kernels.BLUR_ONE * exact / exact.sum(), rtol=0, atol=0.5)
    np.testing.assert_array_equal(weights, weights[::-1])
    # a mean of bytes, weighted twice, and half its divisor: whole numbers of 32 bits
    assert 255 * weights.sum() ** 2 + weights.sum() ** 2 // 2 < 2**32
