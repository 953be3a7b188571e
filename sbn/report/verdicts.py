"""Whether the existing runs show a claim: its effect by seed, an interval, an exact test, and a verdict.

Sources: Student 1908 for the interval; Fisher 1935, *The Design of Experiments*, section 21, for the exact test;
Kendall 1938, *A new measure of rank correlation*, for orders.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sbn.config.claims import Claim, Term
from sbn.config.rows import Experiment
from sbn.report.collect import Run
from sbn.report.first_stages import alike
from sbn.report.measures import measured, parse, shown_scale
from sbn.report.significance import LEVEL, PairedTest, directed_flips, paired_test

SHOWN: Final = "shown"
NOT_SHOWN: Final = "not shown at this size"
OPPOSITE: Final = "opposite"


@dataclasses.dataclass(frozen=True)
class Judged:
    """A claim, and its test on the runs.

    Attributes:
        claim: it.
        effects: by seed, in percentage points where its numbers are fractions; above 0 if the claim holds there.
        test: of their mean; None without any.
        p: share of all flips of the effects' signs whose mean is at least ours: one-sided, exact; None without any.
        verdict: SHOWN, NOT_SHOWN or OPPOSITE; '' until there are as many seeds as the claim asks for.
        notes: what is missing or was left out.
        lacks: premises that are not shown.
    """

    claim: Claim
    effects: Mapping[int, float]
    test: PairedTest | None
    p: float | None
    verdict: str
    notes: tuple[str, ...]
    lacks: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """The verdict, marked where a premise is not shown, or how many seeds are there."""
        if not self.verdict:
            return f"{len(self.effects)} of {self.claim.seeds} seeds"
        return self.verdict + ", without its premise" * (self.verdict == SHOWN and bool(self.lacks))


def judge_all(experiment: Experiment, claims: Sequence[Claim], runs: Sequence[Run]) -> list[Judged]:
    """Returns what `runs` of an experiment say of some of its claims, each held against its premises."""
    by_name = {claim.name: claim for claim in experiment.claims}
    shown = {name: judge(by_name[name], runs).verdict == SHOWN for claim in claims for name in claim.premises}
    return [
        dataclasses.replace(judge(claim, runs), lacks=tuple(name for name in claim.premises if not shown[name]))
        for claim in claims
    ]


def judge(claim: Claim, runs: Sequence[Run]) -> Judged:
    """Returns the test of a claim on `runs`.

    It is shown if the interval of `LEVEL` around the mean effect lies above 0 and the exact test, which assumes no
    distribution, gives at most 1 - `LEVEL`; opposite, if that holds of the negative effects.

    Args:
        claim: of an experiment.
        runs: of that experiment, whose configs are their rows'. Those with overrides do not count.
    """
    notes: list[str] = []
    values = _by_seed(claim, runs, notes)
    effects = {seed: _effect(claim, found) for seed, found in values.items()}
    if not effects:
        return Judged(claim, {}, None, None, "", tuple(notes))
    differences = list(effects.values())
    test = paired_test(differences)
    enough = len(differences) >= claim.seeds
    p, other = directed_flips(differences), directed_flips([-effect for effect in differences])
    low, high = test.interval or (test.mean, test.mean)
    verdict = SHOWN if low > 0 and p <= 1 - LEVEL else OPPOSITE if high < 0 and other <= 1 - LEVEL else NOT_SHOWN
    return Judged(claim, effects, test, p, verdict if enough else "", tuple(notes))


def _by_seed(claim: Claim, runs: Sequence[Run], notes: list[str]) -> dict[int, dict[Term, float]]:
    """The numbers of every term, by the seeds of which all are there and are numbers."""
    found: dict[Term, dict[int, float]] = {}
    for term in (*claim.terms, *claim.order):
        own, told = alike([run for run in runs if run.row == term.row and not run.overrides])
        notes += told
        measure = parse(term.measure)
        taken = {run.seed: measured(run, measure)[0] for run in own}
        if lacking := sorted(seed for seed, value in taken.items() if value is None):
            notes.append(f"{term.row} without {measure.text}: seeds {_listed(lacking)}")
        scale = shown_scale(measure.metric)
        found[term] = {seed: scale * value for seed, value in taken.items() if value is not None}
    seeds = sorted(set.intersection(*(set(values) for values in found.values())))
    if diverged := [seed for seed in seeds if not all(math.isfinite(values[seed]) for values in found.values())]:
        notes.append(f"diverged, in no number here: seeds {_listed(diverged)}")
    if alone := sorted(set().union(*found.values()) - set(seeds)):
        notes.append(f"not in all of its rows yet: seeds {_listed(alone)}")
    whole = [seed for seed in seeds if seed not in diverged]
    return {seed: {term: values[seed] for term, values in found.items()} for seed in whole}


def _effect(claim: Claim, values: Mapping[Term, float]) -> float:
    if claim.order:
        return kendall([values[term] for term in claim.order])
    return math.fsum(term.weight * values[term] for term in claim.terms)


def kendall(values: Sequence[float]) -> float:
    """Returns Kendall's tau of values that are to fall: (pairs that do - pairs that rise) / all pairs.

    Raises:
        ValueError: with fewer than two.
    """
    pairs = list(itertools.combinations(values, 2))
    if not pairs:
        raise ValueError("an order needs two or more values")
    return sum(int(first > second) - int(first < second) for first, second in pairs) / len(pairs)


def _listed(seeds: Iterable[int]) -> str:
    return ", ".join(map(str, seeds))
