"""Verdicts on claims: scipy's intervals and orders, and tests that enumerate every flip by themselves."""

import dataclasses
import itertools
import pathlib

import numpy as np
import pytest
import scipy.stats

from sbn.config.claims import Claim, Term
from sbn.config.rows import Experiment
from sbn.report.significance import directed_flips, paired_test
from sbn.report.verdicts import NOT_SHOWN, OPPOSITE, SHOWN, judge, judge_all, kendall
from tests.report.work_dirs import run_of

FIRST, SECOND = "table3/weak_augment", "table3/baseline"
BEATS = Claim(
    "beats", "one beats the other", "Table 3", (Term(1, FIRST, "test/a/accuracy"), Term(-1, SECOND, "test/a/accuracy"))
)


def enumerated(differences):
    flips = [np.dot(signs, differences) for signs in itertools.product((1, -1), repeat=len(differences))]
    return np.mean([flip >= sum(differences) - 1e-9 for flip in flips])


@pytest.mark.parametrize(
    "differences",
    [[0.5, 0.3, 0.2, 0.7, 0.1], [0.5, -0.3, 0.2, 0.7, 0.1, 0.4], [-0.2, -0.1], [1.0], [0.0, 0.0, 0.0], [1, 1, -1, 2]],
)
def test_p_is_the_share_of_all_flips_and_scipys_permutation_test(differences):
    p = directed_flips(differences)
    assert p == pytest.approx(enumerated(differences), abs=1e-12)
    if len(differences) > 1:
        theirs = scipy.stats.permutation_test(
            (differences,), np.mean, permutation_type="samples", alternative="greater", n_resamples=np.inf
        )
        assert p == pytest.approx(theirs.pvalue, abs=1e-12)


def test_many_seeds_draw_their_flips():
    rng = np.random.default_rng(1)
    values = list(rng.normal(0.3, 1.0, 25))
    normal = scipy.stats.norm.sf(sum(values) / np.sqrt(np.square(values).sum()))  # what it tends to
    assert directed_flips(values) == pytest.approx(normal, abs=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_an_order_is_scipys_kendall(seed):
    values = np.random.default_rng(seed).normal(size=6)
    assert kendall(list(values)) == pytest.approx(scipy.stats.kendalltau(-np.arange(6), values).statistic)


def runs_with(first, second, metric="test/a/accuracy"):
    sides = ((FIRST, first), (SECOND, second))
    return [run_of(row, seed, {metric: value}) for row, values in sides for seed, value in enumerate(values)]


@pytest.mark.parametrize(
    ("first", "verdict"),
    [
        ([0.62, 0.63, 0.61, 0.64, 0.62], SHOWN),
        ([0.58, 0.57, 0.59, 0.57, 0.58], OPPOSITE),
        ([0.62, 0.59, 0.61, 0.58, 0.62], NOT_SHOWN),
        ([0.61, 0.61, 0.61, 0.90, 0.61], NOT_SHOWN),  # all five are better; Student's interval still holds 0
        ([0.62, 0.63, 0.61, 0.64], ""),  # the fifth seed is not there yet
    ],
)
def test_a_verdict_needs_the_interval_the_exact_test_and_all_seeds(first, verdict):
    found = judge(BEATS, runs_with(first, [0.60] * 5))
    differences = 100 * (np.array(first) - 0.60)
    assert found.verdict == verdict
    assert found.p == pytest.approx(enumerated(differences))
    wanted = scipy.stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    np.testing.assert_allclose(found.test.interval, (wanted.low, wanted.high), rtol=1e-9)


def test_effects_are_of_one_seed_each_and_what_is_missing_is_told():
    runs = runs_with([0.7, 0.6, float("nan")], [0.5, 0.5, 0.5, 0.5])
    runs.append(run_of(FIRST, 7, {"test/b/accuracy": 0.1}))
    runs.append(run_of(FIRST, 4, {"test/a/accuracy": 0.9}, overrides={"optim.lr": 1.0}))
    found = judge(BEATS, runs)
    assert found.effects == pytest.approx({0: 20.0, 1: 10.0})
    assert found.said == "2 of 5 seeds"
    assert list(found.notes) == [
        f"{FIRST} without test/a/accuracy: seeds 7",
        "diverged, in no number here: seeds 2",
        "not in all of its rows yet: seeds 3",
    ]
    assert judge(BEATS, []).said == "0 of 5 seeds"


def test_weights_and_orders_are_taken():
    names = ("test/a/accuracy", "test/b/accuracy", "test/c/accuracy")
    runs = [run_of(FIRST, 0, dict(zip(names, (0.5, 0.2, 0.3), strict=True)))]
    halfway = Claim("mean", "", "", (Term(1, FIRST, names[2]), *(Term(-0.5, FIRST, name) for name in names[:2])))
    assert judge(halfway, runs).effects == pytest.approx({0: -5.0})
    falling = Claim("order", "", "", order=tuple(Term(1, FIRST, name) for name in names))
    assert judge(falling, runs).effects == pytest.approx({0: 1 / 3})


def test_the_mean_is_that_of_the_paired_test():
    assert paired_test([1.0, 2.0, 4.5]).mean == 2.5


def test_what_is_shown_without_its_premise_is_marked():
    """The premise is that the second row wins, which it does not."""
    reverse = tuple(Term(-term.weight, term.row, term.measure) for term in BEATS.terms)
    premise = Claim("premise", "the other beats the one", "", reverse)
    experiment = Experiment("mine", pathlib.Path(), {}, {}, claims=(BEATS, premise))
    runs = runs_with([0.62, 0.63, 0.61, 0.64, 0.62], [0.6] * 5)
    for lacks, premises, said in (
        ((), ("beats",), "shown"),
        (("premise",), ("premise",), "shown, without its premise"),
    ):
        (found,) = judge_all(experiment, [dataclasses.replace(BEATS, premises=premises)], runs)
        assert (found.verdict, found.lacks, found.said) == (SHOWN, lacks, said)
    (found,) = judge_all(experiment, [dataclasses.replace(premise, premises=("premise",))], runs)
    assert found.said == OPPOSITE
