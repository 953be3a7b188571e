"""Blurs and zooming, against numbers of an independent program, published formulas and SciPy."""

import numpy as np
import pytest
from scipy import ndimage

from sbn.data.corruptions import blur
from sbn.data.corruptions.stream import Stream
from tests.data.corruptions import reference
from tests.oracles.corruptions import FORMULAS


@pytest.mark.parametrize(
    ("radius", "sigma", "side", "total", "middle", "right", "diagonal"),
    [
        (0.3, 0.4, 17, 1.0, 0.8449731469154358, 0.03712553158402443, 0.0016311820363625884),
        (0.5, 0.6, 17, 1.0, 0.4452132284641266, 0.11101489514112473, 0.027681808918714523),
        (1, 0.2, 17, 1.0, 0.20000000298023224, 0.19999776780605316, 1.4906418073223904e-06),
        (1.5, 0.1, 17, 1.0, 0.1111111119389534, 0.1111111119389534, 0.1111111119389534),
        (6, 0.5, 17, 1.0, 0.008849557489156723, 0.008849557489156723, 0.008849557489156723),
        (8, 0.5, 17, 1.0129754543304443, 0.005076142027974129, 0.005076142027974129, 0.005076142027974129),
        (10, 0.5, 21, 1.0107858180999756, 0.0031545741949230433, 0.0031545741949230433, 0.0031545741949230433),
    ],
)
def test_the_disk_is_that_of_the_release(radius, sigma, side, total, middle, right, diagonal):
    kernel, centre = blur.disk(radius, sigma), side // 2
    assert kernel.shape == (side, side)
    assert kernel.dtype == np.float32
    # float32 has 24 bits, and the last may differ
    np.testing.assert_allclose(kernel.astype(np.float64).sum(), total, rtol=3e-7)
    found = kernel[centre, centre], kernel[centre, centre + 1], kernel[centre + 1, centre + 1]
    np.testing.assert_allclose(found, (middle, right, diagonal), rtol=2.5e-7)


@pytest.mark.parametrize("radius", [3, 10])
def test_large_disks_by_fourier_are_sums_over_the_disk(radius):
    images = np.random.default_rng(0).integers(0, 256, (1, 24, 24, 3), np.uint8)
    kernel = blur.disk(radius, 0.5).astype(np.float64)
    reach = len(kernel) // 2
    padded = np.pad(images / 255, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="reflect")
    found = blur.defocus_blur(images, radius, 0.5)[0]
    for row, column in ((0, 0), (3, 20), (23, 23)):
        window = padded[0, row : row + 2 * reach + 1, column : column + 2 * reach + 1]
        wanted = np.einsum("ij,ijc->c", kernel, window)
        np.testing.assert_array_equal(found[row, column], np.uint8(np.clip(wanted, 0, 1) * 255))


def test_glass_copies_pixels():
    # one pixel can be visited of a 4 x 4 image: row and column 2 and 3, from the last on
    image = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1).repeat(3, axis=3) * 10
    steps = np.zeros((1, 1, 2, 2, 2), int)
    steps[0, 0, 1, 1] = -1, -1  # (3, 3) becomes (2, 2)
    steps[0, 0, 1, 0] = -1, 0  # (3, 2) becomes (2, 2)
    steps[0, 0, 0, 1] = 0, -1  # (2, 3) becomes (2, 2)
    steps[0, 0, 0, 0] = -1, -1  # (2, 2) becomes (1, 1)
    found = blur.glass_blur(image, steps, 1e-3, 1, 1)[0, :, :, 0] // 10
    assert found[2:, 2:].tolist() == [[5, 10], [10, 10]]
    np.testing.assert_array_equal(found[:2], np.arange(8).reshape(2, 4))


@pytest.mark.parametrize("delta", [2, 4])
def test_glass_of_far_steps_follows_copies_of_copies_of_copies(delta):
    # steps of one pixel go up and left alone, to pixels that are visited later; these go down and right too
    images = np.random.default_rng(0).integers(0, 256, (3, 24, 24, 3), np.uint8)
    values = (0.7, delta, 3)
    draws = reference.draws("glass_blur", reference.states(range(3)), 24, *values)
    wanted = [
        FORMULAS["glass_blur"](image, rng, *values)
        for image, rng in zip(images, reference.states(range(3)), strict=True)
    ]
    np.testing.assert_array_equal(blur.glass_blur(images, *draws, *values), wanted)


def test_glass_reaches_no_pixel_outside_and_only_neighbours():
    (steps,) = blur.draw_glass(Stream(0, "glass_blur", 5, np.arange(40)), 32, 0.4, 2, 3)
    assert steps.shape == (40, 3, 28, 28, 2)
    assert set(np.unique(steps)) == {-2, -1, 0, 1}


def test_angles_of_motion_are_45_degrees_up_and_down():
    (angles,) = blur.draw_motion(Stream(0, "motion_blur", 1, np.arange(2000)), 32, 6, 1)
    # of 2,000 uniform numbers the extremes are within one of the ends but for one seed in ten thousand million
    np.testing.assert_allclose([angles.min(), angles.max()], [-45, 45], atol=1)
    assert angles.min() >= -45
    assert angles.max() < 45


@pytest.mark.parametrize(
    ("side", "factor", "crop", "size"),
    [
        (32, 1.0, 32, 32), (32, 1.01, 32, 32), (32, 1.05, 31, 33), (32, 1.1, 30, 33), (32, 1.25, 26, 32),
        (32, 1.75, 19, 33), (32, 2.25, 15, 34), (224, 1.1, 204, 224), (224, 1.3, 173, 225), (224, 2.5, 90, 225),
        (224, 3.0, 75, 225), (224, 4.5, 50, 225),
    ],
)  # fmt: skip
def test_middles_and_sizes_are_those_of_the_release(side, factor, crop, size):
    assert blur.plan_zoom(side, factor) == (crop, size)


@pytest.mark.parametrize("factor", [1.0, 1.02, 1.05, 1.3, 2.25, 4.5])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_is_scipys_zoom_of_the_middle(factor, dtype):
    images = np.random.default_rng(0).uniform(size=(3, 32, 32, 2)).astype(dtype)
    crop, size = blur.plan_zoom(32, factor)
    top, trim = (32 - crop) // 2, (size - 32) // 2
    middles = images[:, top : top + crop, top : top + crop]
    wanted = [ndimage.zoom(middle, (factor, factor, 1), order=1) for middle in middles]
    found = blur.clipped_zoom(images, crop, size)
    assert found.dtype == dtype
    cut = np.stack(wanted)[:, trim : trim + 32, trim : trim + 32]
    np.testing.assert_allclose(found, cut, rtol=0, atol=1e-7 if dtype == np.float32 else 1e-14)


def test_the_factors_of_zoom_blur_are_as_many_as_floating_point_makes_them():
    # where the stop is met but for rounding it is one of them
    from sbn.data.corruptions.kinds import CIFAR, IMAGENET

    found = [[len(np.arange(1, *values)) for values in table["zoom_blur"]] for table in (CIFAR, IMAGENET)]
    assert found == [[7, 12, 16, 21, 26], [12, 16, 11, 13, 11]]


@pytest.mark.parametrize(
    ("radius", "sigma", "width", "first"),
    [
        (6, 1, 13, [0.570348447, 0.34593382, 0.077188269, 0.006335999]),
        (9, 2.5, 19, [0.275232993, 0.254072075, 0.199860173, 0.13397028]),
        (10, 3, 21, [0.234744957, 0.222059215, 0.187969068, 0.142380014]),
    ],
)
def test_weights_are_half_a_gaussian(radius, sigma, width, first):
    weights = blur.line_weights(radius, sigma)
    assert len(weights) == width
    np.testing.assert_allclose(weights[:4], first, atol=1e-9)
    np.testing.assert_allclose(weights.sum(), 1, rtol=1e-12)


def test_lines_run_over_whole_pixels():
    down_right = blur.line_offsets(np.array([-30.0, 20.0]), 13)
    x = [0, 1, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10, 10]
    y = [0, -1, -1, -1, -2, -2, -3, -3, -4, -4, -5, -5, -6]
    np.testing.assert_array_equal(down_right[0], np.stack([y, x], axis=-1))
    x, y = [0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 10, 11], [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4]
    np.testing.assert_array_equal(down_right[1], np.stack([y, x], axis=-1))


def test_each_image_of_a_batch_has_its_own_line():
    images = np.zeros((4, 9, 9, 1), np.uint8)
    images[:, 4, 4] = 255
    angles = np.array([90.0, 0.0, -90.0, 0.0])
    blurred = blur.motion_blur(images, angles, 1, 1)[..., 0]
    weights = blur.line_weights(1, 1)
    assert np.count_nonzero(blurred[1]) == np.count_nonzero(blurred[0]) == 3
    # 0 degrees takes pixels from the right: a dot is drawn out to the left
    np.testing.assert_allclose(blurred[1, 4, [4, 3, 2]], 255 * weights, atol=1)
    np.testing.assert_allclose(blurred[0, [4, 3, 2], 4], 255 * weights, atol=1)
    np.testing.assert_allclose(blurred[2, [4, 5, 6], 4], 255 * weights, atol=1)
    np.testing.assert_array_equal(blurred[1], blurred[3])


def test_a_flat_image_stays_as_it_is():
    images = np.full((2, 12, 12, 3), 201, np.uint8)
    np.testing.assert_array_equal(blur.motion_blur(images, np.array([13.0, -70.0]), 8, 2), images)
