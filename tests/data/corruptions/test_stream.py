"""Draws by address."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from sbn.augment import draws
from sbn.data.corruptions.stream import Stream

STREAM = Stream(0, "fog", 1, np.arange(50))


def test_draws_are_addressed_by_seed_type_severity_image_and_index():
    words = STREAM.words(40)
    np.testing.assert_array_equal(words[:, 7:12], STREAM.words(5, start=7))
    np.testing.assert_array_equal(words[[30, 4]], dataclasses.replace(STREAM, ids=np.array([30, 4])).words(40))
    for change in ({"seed": 1}, {"kind": "snow"}, {"severity": 2}, {"ids": np.arange(50, 100)}):
        # 2,000 pairs of 32-bit words are equal by chance once in two million
        assert not (dataclasses.replace(STREAM, **change).words(40) == words).any()


def test_no_draw_is_one_of_augmentation():
    ids = np.arange(50)
    of_a_run = [draws.bits(0, ids, stage=9, epoch=1, view=view, draws=range(40)) for view in (0, 1)]
    assert not np.isin(STREAM.words(40), of_a_run).any()


def test_uniform_below_and_normal_have_their_distributions():
    # Kolmogorov's distance of 50,000 draws is above 0.0102 once in 15,000
    stream = dataclasses.replace(STREAM, ids=np.arange(500))
    assert stats.kstest(stream.uniform(100).reshape(-1), "uniform").statistic < 0.0102
    assert stats.kstest(stream.normal(100).reshape(-1), "norm").statistic < 0.0102
    assert (
        abs(np.corrcoef(stream.normal(100)[:, :50].reshape(-1), stream.normal(100)[:, 50:].reshape(-1))[0, 1]) < 0.028
    )
    below = stream.below(5, 100)
    np.testing.assert_allclose(np.bincount(below.reshape(-1)), 10_000, atol=4 * (50_000 * 0.2 * 0.8) ** 0.5)


@pytest.mark.parametrize("count", [1, 7, 8])
def test_any_number_of_normals_can_be_had(count):
    assert STREAM.normal(count).shape == (50, count)
