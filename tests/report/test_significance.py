"""Intervals and paired tests against scipy.stats, printed tables of t, sums by hand, and every flip of signs."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats

from sbn.config.rows import Paper
from sbn.report.measures import Measure
from sbn.report.significance import DRAWN, EXACT, difference_interval, half_width, paired_test, quantile
from sbn.report.tables import Line
from tests.report.work_dirs import MAIN

PAPER = Paper(96.3, MAIN, 0.1)
OURS = [95.9, 96.4, 96.1, 96.0]


@pytest.mark.parametrize(("freedom", "t"), [(1, 12.706), (2, 4.303), (9, 2.262), (30, 2.042)])
def test_quantiles_are_those_of_the_printed_tables(freedom, t):
    assert quantile(freedom) == pytest.approx(t, abs=5e-4)  # the tables have three places


def test_one_sample_is_students_interval():
    expected = scipy.stats.ttest_1samp(OURS, 95.0).confidence_interval(0.95)
    half = half_width(np.std(OURS, ddof=1), 4)
    mean = np.mean(OURS)
    assert (mean - half, mean + half) == pytest.approx(tuple(expected), rel=1e-12)


@pytest.mark.parametrize("theirs", [[94.0, 95.5, 94.4], [95.0, 95.0, 95.2, 95.4, 90.0, 93.0, 95.5]])
def test_two_samples_are_welchs_interval(theirs):
    expected = scipy.stats.ttest_ind(OURS, theirs, equal_var=False).confidence_interval(0.95)
    half = half_width(np.std(OURS, ddof=1), 4, other_std=np.std(theirs, ddof=1), other_n=len(theirs))
    apart = np.mean(OURS) - np.mean(theirs)
    assert (apart - half, apart + half) == pytest.approx(tuple(expected), rel=1e-12)


def test_a_spread_of_one_run_says_nothing():
    assert half_width(0.5, 4, other_std=0.2, other_n=1) == half_width(0.5, 4)


def test_our_equal_runs_leave_the_papers_spread():
    # variance 0.04 / 10 of 9 degrees of freedom: 2.262157 * sqrt(0.004)
    assert half_width(0.0, 3, other_std=0.2, other_n=10) == pytest.approx(2.262157 * math.sqrt(0.004), rel=1e-6)


def test_no_spread_at_all_has_no_interval():
    assert half_width(0.0, 3) is None
    assert half_width(0.0, 3, other_std=0.0, other_n=5) is None


def line(*, mean=96.1, std=0.2, runs=4, asked=10, paper=PAPER):
    difference = None if mean is None or paper is None else mean - paper.value
    return Line("row", {}, Measure(MAIN), mean, std, runs, asked, paper, difference, "", ())


def test_the_difference_of_a_line_has_the_papers_spread_over_its_seeds():
    low, high = difference_interval(line())
    half = half_width(0.2, 4, other_std=0.1, other_n=10)
    assert (low, high) == pytest.approx((-0.2 - half, -0.2 + half))
    assert half > half_width(0.2, 40, other_std=0.1, other_n=10)


@pytest.mark.parametrize("without", [{"std": None, "runs": 1}, {"mean": None, "std": None}, {"paper": None}])
def test_lines_that_lack_something_have_no_interval(without):
    assert difference_interval(line(**without)) is None


def test_the_interval_holds_the_truth_as_often_as_it_says():
    draws = np.random.default_rng(3).normal(0, 1, (4000, 5))
    halves = np.array([half_width(sample.std(ddof=1), 5) for sample in draws])
    share = np.mean(np.abs(draws.mean(1)) <= halves)
    assert share == pytest.approx(0.95, abs=0.014)  # four standard errors of 4000 trials


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
