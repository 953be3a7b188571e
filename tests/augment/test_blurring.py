import numpy as np
import pytest
from scipy import ndimage

from sbn.augment import blurring, ops
from sbn.augment.draws import NUMPY
from tests.oracles import filters


@pytest.mark.parametrize("op", [ops.Blur(), ops.Blur(0.4, 3), ops.Blur(100, 9), ops.Blur(0.1, 3)])
def test_means_are_those_of_exact_rational_numbers(op):
    rng, size = np.random.default_rng(0), (6, 7)
    image = rng.integers(0, 256, (*size, 4)).astype(np.uint8)
    image[..., 3] = 255 * (rng.random(size) < 0.7)
    planes = np.concatenate([image[..., :3] * (image[..., 3:] > 0), image[..., 3:] > 0], axis=-1).transpose(2, 0, 1)
    rows, columns = (blurring.mirrored(side, op.side // 2) for side in size)
    found = blurring.means(op, planes[None][:, :, rows][..., columns].astype(np.uint32), image_size=size, words=NUMPY)
    expected = filters.blur(image, op, None)
    shown = image[..., 3] > 0
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found[0].transpose(1, 2, 0)[shown], expected[shown][:, :3])


def test_flat_images_stay_and_white_does_not_overflow():
    for level in (0, 1, 254, 255):
        padded = np.full((1, 4, 9 + 98, 9 + 98), level, np.uint32)
        padded[:, 3] = 1
        found = blurring.means(ops.Blur(100, 99), padded, image_size=(9, 9), words=NUMPY)
        np.testing.assert_array_equal(found, np.full((1, 3, 9, 9), level))


def test_where_nothing_is_near_the_mean_is_0():
    found = blurring.means(ops.Blur(), np.zeros((1, 4, 7, 7), np.uint32), image_size=(3, 3), words=NUMPY)
    assert not found.any()


def test_a_mirror_does_not_repeat_the_edge():
    assert blurring.mirrored(4, 2).tolist() == [2, 1, 0, 1, 2, 3, 2, 1]


def test_blurring_before_normalisation_is_blurring_after_it_up_to_rounding():
    """The weights add up to 1, and normalisation is affine. Levels are rounded by 1/2, weights by 1/8192 each."""
    op, size = ops.Blur(), (9, 11)
    image = np.random.default_rng(1).integers(0, 256, (*size, 3))
    planes = np.concatenate([image.transpose(2, 0, 1), np.ones((1, *size), int)])
    rows, columns = (blurring.mirrored(side, op.side // 2) for side in size)
    padded = planes[None][:, :, rows][..., columns].astype(np.uint32)
    found = blurring.means(op, padded, image_size=size, words=NUMPY)[0].transpose(1, 2, 0)

    x = np.arange(-2, 3)
    kernel = np.exp(-(x**2) / (2 * 1.5**2))
    kernel /= kernel.sum()
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    after = (image / 255 - mean) / std
    for axis in (0, 1):
        after = ndimage.correlate1d(after, kernel, axis=axis, mode="mirror")
    error = np.abs((found / 255 - mean) / std - after) * std * 255
    # both passes together shift a mean of 0 to 255 by less than 2 * 5 * 255 / 8192 / 2 levels
    assert error.max() < 0.5 + 0.16
    assert error.max() > 0.4  # rounded indeed
