import numpy as np
import pytest
from PIL import Image

from sbn.augment import kernels


def resized(lines, size, target):
    """(M, size) uint8 along their length, by the taps."""
    positions, weights = kernels.resize(size, target)
    assert positions.shape == weights.shape
    assert positions.min() >= 0
    assert positions.max() < size
    total = (lines[:, positions].astype(int) * weights).sum(axis=2) + (1 << (kernels.RESIZE_BITS - 1))
    return total >> kernels.RESIZE_BITS


@pytest.mark.parametrize("target", [1, 2, 7, 16, 32, 96, 224, 256])
def test_resizing_lines_equals_pillow(target):
    for size in (*range(1, 70), 96, 128, 224, 256, 333, 375, 500, 1000):
        lines = np.random.default_rng(size).integers(0, 256, (8, size), dtype=np.uint8)
        lines[0], lines[1], lines[2:4] = 255, 0, 255 * (lines[2:4] > 127)
        expected = Image.fromarray(lines).resize((target, 8), Image.Resampling.BILINEAR)
        np.testing.assert_array_equal(resized(lines, size, target), np.asarray(expected))


def test_the_table_of_all_sizes_holds_each_of_them():
    positions, weights = kernels.resize_each(range(1, 41), 9)
    for size in range(1, 41):
        own_positions, own_weights = kernels.resize(size, 9)
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
                first = kernels.vertical_first((height, width), (new_height, new_width))
                np.testing.assert_array_equal(down if first else across, expected)
                told_apart += np.any(down != across)
    assert told_apart > 50


@pytest.mark.parametrize(("sigma", "side"), [(1.5, 5), (0.1, 3), (10, 61), (100, 99)])
def test_the_gaussian_is_that_of_real_numbers_to_half_a_count(sigma, side):
    weights = kernels.gaussian(sigma, side)
    x = np.arange(side) - side // 2
    exact = np.exp(-(x**2) / (2 * sigma**2))
    np.testing.assert_allclose(weights, kernels.BLUR_ONE * exact / exact.sum(), rtol=0, atol=0.5)
    np.testing.assert_array_equal(weights, weights[::-1])
    # a mean of bytes, weighted twice, and half its divisor: whole numbers of 32 bits
    assert 255 * weights.sum() ** 2 + weights.sum() ** 2 // 2 < 2**32
