"""Defocus's kernel by numbers of an independent program, and what glass does."""

import numpy as np
import pytest

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
