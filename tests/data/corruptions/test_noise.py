"""Noise as a matrix of probabilities: against SciPy's distributions, and drawn as it says."""

import numpy as np
import pytest
from scipy import stats

from sbn.data.corruptions import noise

AFTER = np.arange(256)


@pytest.mark.parametrize("kind", noise.LEVELS)
@pytest.mark.parametrize("strength", [0.02, 0.3])
def test_rows_are_probabilities(kind, strength):
    matrix = noise.LEVELS[kind](100 * strength if kind == "shot_noise" else strength)
    assert matrix.min() >= 0
    np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=0, atol=1e-12)


def test_gaussian_noise_is_truncated_to_levels_and_the_ends_hold_the_rest():
    matrix = noise.gaussian_levels(0.1)
    value = stats.norm(loc=100 / 255, scale=0.1)
    np.testing.assert_allclose(matrix[100, 130], value.cdf(131 / 255) - value.cdf(130 / 255), rtol=1e-9)
    np.testing.assert_allclose(matrix[100, 0], value.cdf(1 / 255), rtol=1e-9)
    np.testing.assert_allclose(matrix[100, 255], value.sf(1), rtol=1e-6)


def test_speckle_grows_with_the_level_and_leaves_black():
    matrix = noise.speckle_levels(0.2)
    assert matrix[0, 0] == 1
    mean = matrix @ AFTER
    spread = np.sqrt(matrix @ AFTER**2.0 - mean**2)
    # truncation adds a variance of 1/12, and lowers the mean by a half
    np.testing.assert_allclose(spread[20:100] ** 2, (0.2 * AFTER[20:100]) ** 2 + 1 / 12, rtol=1e-3)
    np.testing.assert_allclose(mean[20:100], AFTER[20:100] - 0.5, atol=1e-3)


def test_shot_noise_is_poisson_of_the_photons():
    matrix = noise.shot_levels(60)
    photons = stats.poisson(200 / 255 * 60)
    for count in (0, 31, 47, 59):
        np.testing.assert_allclose(matrix[200, int(count / 60 * 255)], photons.pmf(count), rtol=1e-9)
    np.testing.assert_allclose(matrix[200, 255], photons.sf(59), rtol=1e-9)
    assert np.count_nonzero(matrix[200]) == 61


def test_impulses_are_black_and_white_alike():
    matrix = noise.impulse_levels(0.3)
    np.testing.assert_allclose(matrix[7, [0, 7, 255]], [0.15, 0.7, 0.15])
    np.testing.assert_allclose(matrix[[0, 255], [0, 255]], 0.85)


@pytest.mark.parametrize(("kind", "strength"), [("gaussian_noise", 0.04), ("shot_noise", 500), ("impulse_noise", 0.01)])
def test_the_table_draws_what_the_matrix_says(kind, strength):
    table = noise.alias_table(kind, strength).reshape(256, 256)
    kept, alias = (table >> 8) / 2**24, table & 255
    found = kept / 256
    np.add.at(found, (AFTER[:, None], alias), (1 - kept) / 256)
    # 24 bits a threshold: 2**-24 of a column of 1/256, and at most 256 columns to a level
    matrix = noise.LEVELS[kind](strength)
    np.testing.assert_allclose(found, matrix, rtol=0, atol=2**-24)
    assert not found[matrix == 0].any()


def test_a_word_decides_by_its_top_bits_and_the_rest():
    table = noise.alias_table("impulse_noise", 0.3).reshape(256, 256)
    column = int(np.flatnonzero(table[9] & 255 != AFTER)[0])
    threshold, alias = table[9, column] >> 8, table[9, column] & 255
    words = np.array([column << 24 | threshold - 1, column << 24 | threshold], np.uint32).reshape(1, 1, 2, 1)
    found = noise.noise(np.full((1, 1, 2, 1), 9, np.uint8), words, 0.3, kind="impulse_noise")
    assert found.reshape(-1).tolist() == [column, alias]
