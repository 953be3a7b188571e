import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from sbn.augment import filters, ops
from sbn.augment.draws import NUMPY
from tests.oracles import filters as oracle


def resized(lines, size, target):
    """(M, size) uint8 along their length, by the taps."""
    positions, weights = filters.resize(size, target)
    assert positions.shape == weights.shape
    assert positions.min() >= 0
    assert positions.max() < size
    total = (lines[:, positions].astype(int) * weights).sum(axis=2) + (1 << (filters.RESIZE_BITS - 1))
    return total >> filters.RESIZE_BITS


@pytest.mark.parametrize("target", [1, 2, 7, 16, 32, 96, 224, 256])
def test_resizing_lines_equals_pillow(target):
    for size in (*range(1, 70), 96, 128, 224, 256, 333, 375, 500, 1000):
        lines = np.random.default_rng(size).integers(0, 256, (8, size), dtype=np.uint8)
        lines[0], lines[1], lines[2:4] = 255, 0, 255 * (lines[2:4] > 127)
        expected = Image.fromarray(lines).resize((target, 8), Image.Resampling.BILINEAR)
        np.testing.assert_array_equal(resized(lines, size, target), np.asarray(expected))


def test_the_table_of_all_sizes_holds_each_of_them():
    positions, weights = filters.resize_each(range(1, 41), 9)
    for size in range(1, 41):
        own_positions, own_weights = filters.resize(size, 9)
        taps = own_weights.shape[1]
        np.testing.assert_array_equal(positions[size - 1, :, :taps], own_positions)
        np.testing.assert_array_equal(weights[size - 1, :, :taps], own_weights)
        assert not weights[size - 1, :, taps:].any()
        assert not positions[size - 1, :, taps:].any()


def test_pillow_resizes_first_along_columns_where_we_say_so():
    """Bytes in between make the order visible; a change of Pillow's shows here, and in nothing but single levels."""
    rng, told_apart = np.random.default_rng(0), 0
    for new_height, new_width in ((16, 16), (9, 30), (40, 7), (32, 32)):
        for width in (new_width - 3, new_width, new_width + 1, new_width + 4, new_width + 30):
            edge = new_height + 2 * (width - new_width)
            for height in {new_height - 1, new_height, new_height + 1, edge - 1, edge, edge + 1, edge + 40}:
                if height < 1:
                    continue
                image = rng.integers(0, 256, (height, width), dtype=np.uint8)
                down = resized(resized(image.T, height, new_height).T.astype(np.uint8), width, new_width)
                across = resized(resized(image, width, new_width).T.astype(np.uint8), height, new_height).T
                expected = np.asarray(Image.fromarray(image).resize((new_width, new_height), Image.Resampling.BILINEAR))
                first = filters.vertical_first((height, width), (new_height, new_width))
                np.testing.assert_array_equal(down if first else across, expected)
                told_apart += np.any(down != across)
    assert told_apart > 50


@pytest.mark.parametrize(("sigma", "side"), [(1.5, 5), (0.1, 3), (10, 61), (100, 99)])
def test_the_gaussian_is_that_of_real_numbers_to_half_a_count(sigma, side):
    weights = filters.gaussian(sigma, side)
    x = np.arange(side) - side // 2
    exact = np.exp(-(x**2) / (2 * sigma**2))
    np.testing.assert_allclose(weights, filters.BLUR_ONE * exact / exact.sum(), rtol=0, atol=0.5)
    np.testing.assert_array_equal(weights, weights[::-1])
    # a mean of bytes, weighted twice, and half its divisor: whole numbers of 32 bits
    assert 255 * weights.sum() ** 2 + weights.sum() ** 2 // 2 < 2**32


@pytest.mark.parametrize("op", [ops.Blur(), ops.Blur(0.4, 3), ops.Blur(100, 9), ops.Blur(0.1, 3)])
def test_means_are_those_of_exact_rational_numbers(op):
    rng, size = np.random.default_rng(0), (6, 7)
    image = rng.integers(0, 256, (*size, 4)).astype(np.uint8)
    image[..., 3] = 255 * (rng.random(size) < 0.7)
    planes = np.concatenate([image[..., :3] * (image[..., 3:] > 0), image[..., 3:] > 0], axis=-1).transpose(2, 0, 1)
    rows, columns = (filters.mirrored(side, op.side // 2) for side in size)
    found = filters.means(op, planes[None][:, :, rows][..., columns].astype(np.uint32), image_size=size, library=NUMPY)
    expected = oracle.blur(image, op, None)
    shown = image[..., 3] > 0
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found[0].transpose(1, 2, 0)[shown], expected[shown][:, :3])


def test_flat_images_stay_and_white_does_not_overflow():
    for level in (0, 1, 254, 255):
        padded = np.full((1, 4, 9 + 98, 9 + 98), level, np.uint32)
        padded[:, 3] = 1
        found = filters.means(ops.Blur(100, 99), padded, image_size=(9, 9), library=NUMPY)
        np.testing.assert_array_equal(found, np.full((1, 3, 9, 9), level))


def test_where_nothing_is_near_the_mean_is_0():
    found = filters.means(ops.Blur(), np.zeros((1, 4, 7, 7), np.uint32), image_size=(3, 3), library=NUMPY)
    assert not found.any()


def test_a_mirror_does_not_repeat_the_edge():
    assert filters.mirrored(4, 2).tolist() == [2, 1, 0, 1, 2, 3, 2, 1]


def test_blurring_before_normalisation_is_blurring_after_it_up_to_rounding():
    """The weights add up to 1, and normalisation is affine. Levels are rounded by 1/2, weights by 1/8192 each."""
    op, size = ops.Blur(), (9, 11)
    image = np.random.default_rng(1).integers(0, 256, (*size, 3))
    planes = np.concatenate([image.transpose(2, 0, 1), np.ones((1, *size), int)])
    rows, columns = (filters.mirrored(side, op.side // 2) for side in size)
    padded = planes[None][:, :, rows][..., columns].astype(np.uint32)
    found = filters.means(op, padded, image_size=size, library=NUMPY)[0].transpose(1, 2, 0)

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


def test_the_nearest_pixels_are_pillows_for_every_size():
    for size in (1, 2, 3, 7, 20, 27, 64):
        for target in range(1, 70):
            line = np.arange(size, dtype=np.uint8)[None]
            expected = np.asarray(Image.fromarray(line).resize((target, 1), Image.Resampling.NEAREST))[0]
            np.testing.assert_array_equal(filters.nearest(size, target), expected)
    table = filters.nearest_each(range(1, 9), 5)
    np.testing.assert_array_equal(table[6], filters.nearest(7, 5))
