"""Edges and distances, against Canny pixel by pixel and Dijkstra's shortest ways; how drops are shaded."""

import numpy as np
import pytest
from scipy import ndimage

from sbn.data.corruptions import spatter
from tests.oracles import drops


def layers(count, side):
    """Drops as spatter has them, one layer of noise, one without an edge."""
    rng = np.random.default_rng(0)
    drops_ = ndimage.gaussian_filter(rng.normal(0.65, 0.3, (count, side, side)), (0, 1, 1))
    drops_[drops_ < 0.69] = 0
    found = (np.clip(drops_, 0, 1) * 255).astype(np.uint8)
    found[0] = rng.integers(0, 256, (side, side))
    found[1] = 77
    return found


@pytest.mark.parametrize(("low", "high"), [(50, 150), (300, 700)])
def test_canny_is_that_of_single_pixels(low, high):
    images = layers(5, 30)
    found = spatter.canny(images, low, high)
    assert found.any(axis=(1, 2)).tolist() == [True, False, True, True, True]
    np.testing.assert_array_equal(found, [drops.canny(image, low, high) for image in images])


def test_weak_edges_stay_where_they_touch_strong_ones_of_the_same_image():
    image = np.zeros((1, 9, 40), np.uint8)
    image[0, 4:, :20], image[0, 4:, 20:] = 120, 30  # a step of 120, going on as one of 30
    apart = np.zeros_like(image)
    apart[0, 4:] = 30
    found = spatter.canny(np.concatenate([apart, image, apart]), 50, 300)
    assert not found[[0, 2]].any()
    assert found[1, :, 30].any()


def test_distances_are_those_of_the_shortest_way():
    found_edges = spatter.canny(layers(5, 30), 50, 150)
    found = spatter.distance(found_edges)
    assert found.dtype == np.float32
    assert found[1].min() > 10_000
    for image in (0, 2, 3, 4):
        # lengths are rounded to 2**-16: 30 steps are off by 2e-4 at most
        np.testing.assert_allclose(found[image], drops.distance(found_edges[image]), atol=3e-4)


def test_the_distance_from_one_point_is_nearly_that_of_a_ruler():
    point = np.zeros((1, 41, 33), bool)
    point[0, 25, 10] = True
    y, x = np.mgrid[:41, :33]
    ruler = np.hypot(y - 25, x - 10)
    np.testing.assert_allclose(spatter.distance(point)[0], ruler, rtol=0.02)  # the mask's own error


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
