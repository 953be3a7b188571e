"""Statistical checks fail for one in a million good samplers each; seeds are fixed, so that they can't flicker."""

import math

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from sbn.augment import draws
from sbn.augment.device.arrays import JAX
from sbn.augment.host.arrays import TENSORFLOW
from sbn.augment.inception import draw_windows
from sbn.augment.size_ops import InceptionCrop
from tests import compiling
from tests.oracles import windows

SIZES = ((32, 32), (375, 500), (20, 90), (70, 9), (1, 7))
OPS = (InceptionCrop(24), InceptionCrop(24, (0.5, 1.0), (0.2, 5.0)), InceptionCrop(24, (1.0, 1.0), (1.0, 1.0)))
FALSE_ALARM = 1e-6


def some_bits(count, seed=3):
    return draws.bits(seed, range(count), stage=0, epoch=0, view=0, draws=range(22))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("op", OPS)
def test_windows_equal_the_definition_in_float64_and_all_libraries_agree(op, size):
    bits = some_bits(3000)
    found = np.stack(draw_windows(op, bits, image_size=size), axis=1)
    assert found.dtype == np.int32
    expected = np.array([windows.window(op, row, *size) for row in bits.astype(np.int64)])
    # A side is a product of float32 numbers, right to 1e-7: of some 500 pixels, 5e-5 of them lie so near a half.
    assert np.mean(np.any(found != expected, axis=1)) < 1e-3
    assert np.abs(found - expected)[:, 2:].max() <= 1
    np.testing.assert_array_equal(
        found, np.stack(draw_windows(op, tf.constant(bits), image_size=size, library=TENSORFLOW), axis=1)
    )
    compiled = compiling.jit(lambda bits: draw_windows(op, bits, image_size=size, library=JAX))
    np.testing.assert_array_equal(found, np.stack(compiled(bits), axis=1))
    top, left, tall, wide = found.T
    assert min(top.min(), left.min()) >= 0
    assert min(tall.min(), wide.min()) >= 1
    assert (top + tall).max() <= size[0]
    assert (left + wide).max() <= size[1]


def sampled(rng, op, size, count):
    """The usual Inception crop with an ordinary generator: (count, 4)."""
    (height, width), made = size, []
    for _ in range(count):
        for _ in range(10):
            area = height * width * rng.uniform(*op.area)
            ratio = math.exp(rng.uniform(*np.log(op.ratio)))
            wide, tall = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < wide <= width and 0 < tall <= height:
                made.append((rng.integers(height - tall + 1), rng.integers(width - wide + 1), tall, wide))
                break
        else:
            made.append((0, 0, height, width))  # whose own ratio lies in the span
    return np.array(made)


@pytest.mark.parametrize(("op", "size"), [(OPS[0], (375, 500)), (OPS[0], (32, 32)), (OPS[1], (90, 60))])
def test_windows_are_distributed_as_those_of_an_ordinary_sampler(op, size):
    count = 8000
    found = np.stack(draw_windows(op, some_bits(count), image_size=size), axis=1)
    expected = sampled(np.random.default_rng(0), op, size, count)
    features = [lambda w: w[:, 0], lambda w: w[:, 1], lambda w: w[:, 2], lambda w: w[:, 3]]
    features += [lambda w: w[:, 2] * w[:, 3], lambda w: w[:, 3] / w[:, 2]]
    features += [
        lambda w: (w[:, 0] + 0.5) / (size[0] - w[:, 2] + 1),
        lambda w: (w[:, 1] + 0.5) / (size[1] - w[:, 3] + 1),
    ]
    for feature in features:
        assert stats.ks_2samp(feature(found), feature(expected)).pvalue > FALSE_ALARM


def test_area_and_ratio_are_uniform_and_log_uniform_where_everything_fits():
    # up to a tenth of the area, ratios up to 2: no window is ever refused
    op = InceptionCrop(1, (0.01, 0.1), (0.5, 2.0))
    _, _, tall, wide = draw_windows(op, some_bits(20_000), image_size=(1000, 1000))
    area, ratio = tall * wide / 1e6, wide / tall
    # sides are rounded to whole pixels, of 70 and more
    for values, low, span in ((area, 0.01, 0.09), (np.log(ratio), np.log(0.5), np.log(4))):
        assert stats.kstest((values - low) / span, "uniform").pvalue > FALSE_ALARM
    assert abs(np.corrcoef(area, ratio)[0, 1]) < 5 / np.sqrt(20_000)


def test_the_test_above_would_notice_a_ratio_that_is_uniform_instead():
    _, _, tall, wide = draw_windows(
        InceptionCrop(1, (0.01, 0.1), (0.5, 2.0)), some_bits(20_000), image_size=(1000, 1000)
    )
    assert stats.kstest((wide / tall - 0.5) / 1.5, "uniform").pvalue < 1e-100


@pytest.mark.parametrize(
    ("size", "ratio", "expected"),
    [
        ((30, 300), (0.5, 2.0), (0, 120, 30, 60)),
        ((301, 30), (0.5, 2.0), (120, 0, 60, 30)),
        ((30, 41), (1.0, 1.0), (0, 5, 30, 30)),
        ((7, 7), (1.0, 1.0), (0, 0, 7, 7)),
    ],
)
def test_where_nothing_fits_it_is_the_largest_window_in_the_middle(size, ratio, expected):
    found = draw_windows(InceptionCrop(8, (1.0, 1.0), ratio), some_bits(200), image_size=size)
    np.testing.assert_array_equal(np.stack(found, axis=1), [expected] * 200)


def test_the_first_of_ten_tries_that_fits_is_taken():
    op, size = InceptionCrop(8, (0.25, 1.0), (0.25, 4.0)), (64, 64)
    grid = 2**14

    def word(value, low, high):
        return round((value - low) / (high - low) * grid - 0.5) << 18

    good = (word(0.25, 0.25, 1.0), word(0.0, -1.0, 1.0))  # a quarter, square: 32 x 32
    bad = (word(0.9, 0.25, 1.0), word(0.99, -1.0, 1.0))  # as wide as 4 : 1
    for first in range(10):
        tries = [bad] * first + [good] + [(word(0.5, 0.25, 1.0), good[1])] * (9 - first)
        bits = np.array([[area for area, _ in tries] + [ratio for _, ratio in tries] + [2**31, 0]], np.uint32)
        np.testing.assert_array_equal(np.stack(draw_windows(op, bits, image_size=size), axis=1), [[16, 0, 32, 32]])
