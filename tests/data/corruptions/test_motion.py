"""The line and the weights of motion blur, by numbers of an independent program."""

import numpy as np
import pytest

from sbn.data.corruptions import motion


@pytest.mark.parametrize(
    ("radius", "sigma", "width", "first"),
    [
        (6, 1, 13, [0.570348447, 0.34593382, 0.077188269, 0.006335999]),
        (9, 2.5, 19, [0.275232993, 0.254072075, 0.199860173, 0.13397028]),
        (10, 3, 21, [0.234744957, 0.222059215, 0.187969068, 0.142380014]),
    ],
)
def test_weights_are_half_a_gaussian(radius, sigma, width, first):
    weights = motion.weights(radius, sigma)
    assert len(weights) == width
    np.testing.assert_allclose(weights[:4], first, atol=1e-9)
    np.testing.assert_allclose(weights.sum(), 1, rtol=1e-12)


def test_lines_run_over_whole_pixels():
    down_right = motion.offsets(np.array([-30.0, 20.0]), 13)
    x = [0, 1, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10, 10]
    y = [0, -1, -1, -1, -2, -2, -3, -3, -4, -4, -5, -5, -6]
    np.testing.assert_array_equal(down_right[0], np.stack([y, x], axis=-1))
    x, y = [0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 10, 11], [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4]
    np.testing.assert_array_equal(down_right[1], np.stack([y, x], axis=-1))


def test_each_image_of_a_batch_has_its_own_line():
    images = np.zeros((4, 9, 9, 1), np.uint8)
    images[:, 4, 4] = 255
    angles = np.array([90.0, 0.0, -90.0, 0.0])
    blurred = motion.motion_blur(images, angles, 1, 1)[..., 0]
    weights = motion.weights(1, 1)
    assert np.count_nonzero(blurred[1]) == np.count_nonzero(blurred[0]) == 3
    # 0 degrees takes pixels from the right: a dot is drawn out to the left
    np.testing.assert_allclose(blurred[1, 4, [4, 3, 2]], 255 * weights, atol=1)
    np.testing.assert_allclose(blurred[0, [4, 3, 2], 4], 255 * weights, atol=1)
    np.testing.assert_allclose(blurred[2, [4, 5, 6], 4], 255 * weights, atol=1)
    np.testing.assert_array_equal(blurred[1], blurred[3])


def test_a_flat_image_stays_as_it_is():
    images = np.full((2, 12, 12, 3), 201, np.uint8)
    np.testing.assert_array_equal(motion.motion_blur(images, np.array([13.0, -70.0]), 8, 2), images)
