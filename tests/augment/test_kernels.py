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


def test_the_gaussian_adds_up_to_one_and_falls_as_it_should():
    weights = kernels.gaussian(1.5, 5)
    assert weights.sum() == pytest.approx(1, abs=1e-15)
    np.testing.assert_allclose(weights, weights[::-1])
    assert weights[2] / weights[1] == pytest.approx(np.exp(1 / (2 * 1.5**2)))
    assert weights[2] / weights[0] == pytest.approx(np.exp(4 / (2 * 1.5**2)))
