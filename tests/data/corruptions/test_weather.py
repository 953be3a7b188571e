"""What snow and fog draw, and what weather leaves as it is."""

import numpy as np

from sbn.data.corruptions import weather
from sbn.data.corruptions.stream import Stream

IDS = np.arange(2000)


def test_snow_falls_downwards_and_its_flakes_and_angles_are_draws_apart():
    flakes, angles = weather.draw_snow(Stream(0, "snow", 1, IDS), 5)
    assert flakes.shape == (2000, 5, 5)
    np.testing.assert_allclose([angles.min(), angles.max()], [-135, -45], atol=1)
    # 25 correlations of 2,000 pairs above 0.1: once in 10,000 seeds
    assert max(abs(np.corrcoef(flakes[:, row, column], angles)[0, 1]) for row in range(5) for column in range(5)) < 0.1


def test_without_flakes_snow_only_whitens():
    image = np.full((1, 32, 32, 3), 100, np.uint8)
    still = weather.snow(image, np.full((1, 32, 32), -9.0), np.array([-90.0]), 0.1, 0.1, 1, 0.5, 8, 3, 0.8)
    white = 1.5 * 100 / 255 + 0.5
    np.testing.assert_array_equal(still, int(255 * (0.8 * 100 / 255 + 0.2 * white)))


def test_flakes_fall_twice_the_second_time_turned():
    image, flakes = np.zeros((1, 32, 32, 3), np.uint8), np.full((1, 32, 32), -9.0)
    flakes[0, 4, 9] = 5
    snowed = weather.snow(image, flakes, np.array([0.0]), 0.1, 0.2, 1, 0.5, 1, 0.5, 1)[0, :, :, 0]
    np.testing.assert_array_equal(snowed, snowed[::-1, ::-1])
    assert (snowed[4] > 0).sum() == 2  # the flake and its trace
    assert (snowed > 0).sum() == 4


def test_fog_draws_enough_for_any_size():
    for side, size in ((16, 16), (21, 32), (32, 32), (224, 256)):
        (draws,) = weather.draw_fog(Stream(0, "fog", 1, IDS[:1]), side)
        assert draws.shape == (1, size**2 - 1)


def test_black_stays_black_in_fog():
    black = np.zeros((1, 32, 32, 3), np.uint8)
    draws = weather.draw_fog(Stream(0, "fog", 1, IDS[:1]), 32)
    assert not weather.fog(black, *draws, 1.5, 1.75).any()


def test_photographs_cover_images_by_their_weight_up_to_white():
    images = np.full((2, 4, 4, 3), 200, np.uint8)
    ramp = np.arange(6 * 6 * 3, dtype=np.uint8).reshape(6, 6, 3)
    found = weather.frost(images, np.array([1, 0]), np.array([[2, 1], [0, 0]]), 0.5, 1.5, [ramp, ramp[::-1]])
    np.testing.assert_array_equal(found[1], np.minimum(100 + 1.5 * ramp[:4, :4], 255).astype(np.uint8))
    np.testing.assert_array_equal(found[0], np.minimum(100 + 1.5 * ramp[::-1][2:6, 1:5], 255).astype(np.uint8))
