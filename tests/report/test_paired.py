"""Tests of paired differences against scipy.stats, sums by hand, and every flip of signs written out."""

import itertools

import numpy as np
import pytest
import scipy.stats

from sbn.report.paired import DRAWN, EXACT, paired_test

DIFFERENCES = [0.1, -0.1, 0.3, -0.3, 0.2]


def test_by_hand():
    test = paired_test([1.0, 2.0, 3.0])
    # mean 2, s = 1, standard error 1 / sqrt(3)
    assert (test.n, test.mean, test.t) == (3, 2.0, pytest.approx(2 * 3**0.5))
    # two-sided p of t = 3.4641 with 2 degrees of freedom: 1 - t / sqrt(t^2 + 2) = 1 - sqrt(12 / 14)
    assert test.p == pytest.approx(1 - (12 / 14) ** 0.5, rel=1e-9)
    assert test.interval == pytest.approx((2 - 4.302653 / 3**0.5, 2 + 4.302653 / 3**0.5), rel=1e-6)
    assert test.sign_flip_p == 2 / 8  # only +++ and ---


@pytest.mark.parametrize("seed", range(5))
def test_students_t_is_scipys(seed):
    ours, theirs = np.random.default_rng(seed).normal(95, 0.3, (2, 6))
    expected = scipy.stats.ttest_rel(ours, theirs)
    test = paired_test((ours - theirs).tolist())
    assert (test.t, test.p) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-9)
    assert test.interval == pytest.approx(tuple(expected.confidence_interval(0.95)), rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_flips_are_all_that_there_are(seed):
    differences = np.random.default_rng(seed).normal(0.3, 0.5, 7)
    signs = np.array(list(itertools.product((1, -1), repeat=7)))
    expected = np.mean(np.abs(signs @ differences) >= abs(differences.sum()) - 1e-12)
    assert paired_test(differences.tolist()).sign_flip_p == expected
    scipys = scipy.stats.permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert scipys.pvalue == pytest.approx(expected)


def test_ties_count_whatever_rounding_does_to_them():
    # flipping 0.1 and -0.1 together changes nothing but the order of rounding
    signs = np.array(list(itertools.product((1, -1), repeat=5)))
    tenths = np.array([1, -1, 3, -3, 2])
    expected = np.mean(np.abs(signs @ tenths) >= tenths.sum())
    assert expected == 28 / 32
    assert paired_test(DIFFERENCES).sign_flip_p == expected


def test_the_order_and_the_side_do_not_matter():
    base = paired_test(DIFFERENCES)
    assert paired_test(DIFFERENCES[::-1]).sign_flip_p == base.sign_flip_p
    other = paired_test([-value for value in DIFFERENCES])
    assert (other.t, other.p, other.sign_flip_p) == (pytest.approx(-base.t), pytest.approx(base.p), base.sign_flip_p)


def test_one_pair_has_a_mean_alone():
    test = paired_test([0.5])
    assert (test.mean, test.interval, test.t, test.p, test.sign_flip_p) == (0.5, None, None, None, 1.0)


def test_equal_differences_have_no_t():
    test = paired_test([0.25] * 4)
    assert (test.t, test.p, test.interval, test.sign_flip_p) == (None, None, None, 2 / 16)
    assert paired_test([0.0] * 4).sign_flip_p == 1


@pytest.mark.parametrize("points", [0.01, 0.1, 10.0])
def test_differences_that_only_rounding_parts_have_no_t(points):
    """Of accuracies in percent: the least that 10,000 images can differ by, and more."""
    test = paired_test([(accuracy + points) - accuracy for accuracy in (80.1, 95.37, 3.3)])
    assert (test.t, test.p, test.interval) == (None, None, None)
    assert test.mean == pytest.approx(points)
    assert paired_test([points, points, points * (1 + 1e-6)]).t > 1e6  # a spread, however small


def test_no_pairs_are_an_error():
    with pytest.raises(ValueError, match="no pairs"):
        paired_test([])


def test_many_pairs_draw_their_flips_and_come_near_the_normal_distribution():
    differences = np.random.default_rng(0).normal(0.1, 1, 60)
    test = paired_test(differences.tolist())
    z = abs(differences.sum()) / np.sqrt(np.sum(differences**2))
    assert not test.exact
    # 0.01: the normal law of a sum of 60, and four standard errors of the draws, 0.005
    assert test.sign_flip_p == pytest.approx(2 * scipy.stats.norm.sf(z), abs=0.01)
    far = paired_test([1.0] * (EXACT + 1))
    assert 1 / (DRAWN + 1) <= far.sign_flip_p < 1e-4
    assert paired_test([1.0] * EXACT).sign_flip_p == 2 / 2**EXACT
