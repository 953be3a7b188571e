"""Zooming into the middle, against SciPy's zoom."""

import numpy as np
import pytest
from scipy import ndimage

from sbn.data.corruptions import zoom


@pytest.mark.parametrize(
    ("side", "factor", "crop", "size"),
    [
        (32, 1.0, 32, 32), (32, 1.01, 32, 32), (32, 1.05, 31, 33), (32, 1.1, 30, 33), (32, 1.25, 26, 32),
        (32, 1.75, 19, 33), (32, 2.25, 15, 34), (224, 1.1, 204, 224), (224, 1.3, 173, 225), (224, 2.5, 90, 225),
        (224, 3.0, 75, 225), (224, 4.5, 50, 225),
    ],
)  # fmt: skip
def test_middles_and_sizes_are_those_of_the_release(side, factor, crop, size):
    assert zoom.plan(side, factor) == (crop, size)


@pytest.mark.parametrize("factor", [1.0, 1.02, 1.05, 1.3, 2.25, 4.5])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_is_scipys_zoom_of_the_middle(factor, dtype):
    images = np.random.default_rng(0).uniform(size=(3, 32, 32, 2)).astype(dtype)
    crop, size = zoom.plan(32, factor)
    top, trim = (32 - crop) // 2, (size - 32) // 2
    middles = images[:, top : top + crop, top : top + crop]
    wanted = [ndimage.zoom(middle, (factor, factor, 1), order=1) for middle in middles]
    found = zoom.clipped_zoom(images, crop, size)
    assert found.dtype == dtype
    cut = np.stack(wanted)[:, trim : trim + 32, trim : trim + 32]
    np.testing.assert_allclose(found, cut, rtol=0, atol=1e-7 if dtype == np.float32 else 1e-14)


def test_the_factors_of_zoom_blur_are_as_many_as_floating_point_makes_them():
    # where the stop is met but for rounding it is one of them
    from sbn.data.corruptions.parameters import CIFAR, IMAGENET

    found = [[len(np.arange(1, *values)) for values in table["zoom_blur"]] for table in (CIFAR, IMAGENET)]
    assert found == [[7, 12, 16, 21, 26], [12, 16, 11, 13, 11]]
