"""How drops are shaded, and lenses without drops."""

import numpy as np
import pytest

from sbn.data.corruptions import spatter
from tests.data.corruptions.test_edges import layers
from tests.oracles import drops


def test_histograms_are_evened_image_by_image():
    rng = np.random.default_rng(0)
    images = (rng.normal(60, 20, (4, 20, 20)).clip(0, 255)).astype(np.uint8)
    images[2], images[3] = 9, rng.integers(0, 256, (20, 20))
    found = spatter.equalised(images)
    np.testing.assert_array_equal(found, [drops.equalised(image) for image in images])
    np.testing.assert_array_equal(found[2], images[2])


def test_shading_is_that_of_single_pixels():
    images = layers(5, 30)
    images[1] = 0
    np.testing.assert_array_equal(
        spatter.shading(images)[[0, 2, 3, 4]], [drops.shading(images[i]) for i in (0, 2, 3, 4)]
    )


def test_far_from_drops_shading_is_even():
    depth = np.zeros((1, 60, 60), np.uint8)
    depth[0, 5:9, 4:8] = 200
    found = spatter.shading(depth)[0]
    np.testing.assert_array_equal(found, drops.shading(depth[0]))
    assert np.unique(found[30:, 30:]).size == 1


@pytest.mark.parametrize("mud", [0, 1])
def test_a_lens_without_drops_changes_nothing(mud):
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    still = spatter.spatter(images, np.zeros((2, 32, 32)), 0.1, 0.1, 0.7, 0.7, 0.5, mud)
    # a level over 255, times 255, in float32: some come out a level lower
    assert np.abs(still.astype(int) - images).max() <= 1


def test_mud_is_brown_and_water_pale():
    black = np.zeros((1, 32, 32, 3), np.uint8)
    layer = np.zeros((1, 32, 32))
    layer[0, 10:20, 10:20] = 5
    mud = spatter.spatter(black, layer, 0.5, 0.1, 0.5, 0.7, 0.6, 1)[0]
    assert mud[15, 15].tolist() == [63, 42, 20]
    assert not mud[0, 0].any()
    water = spatter.spatter(black, layer, 0.5, 0.1, 0.5, 0.7, 0.5, 0)[0]
    brightest = water.reshape(-1, 3).max(axis=0)
    np.testing.assert_allclose(brightest, [175 / 2, 238 / 2, 238 / 2], atol=1)
