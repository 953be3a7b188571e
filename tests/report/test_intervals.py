"""Intervals against scipy.stats, which computes them from samples, and against printed tables of t."""

import math

import numpy as np
import pytest
import scipy.stats

from sbn.config.rows import Paper
from sbn.report.intervals import difference_interval, half_width, quantile
from sbn.report.measures import Measure
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
