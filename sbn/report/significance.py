"""Confidence intervals of differences from a paper's number, and tests of paired differences.

Sources: Student 1908, *The probable error of a mean*, for intervals and the paired t; Welch 1947, *The generalization
of "Student's" problem*, with the degrees of freedom of Satterthwaite 1946; Fisher 1935, *The Design of Experiments*,
section 21, for the exact test by flips of signs.
"""

import dataclasses
import math
import statistics
from collections.abc import Sequence
from typing import Final

import numpy as np

from sbn.report.tables import Line

LEVEL: Final = 0.95


def half_width(std: float, n: int, *, other_std: float | None = None, other_n: int | None = None) -> float | None:
    """Returns t * SE: what to add to and take from the difference of two means for its interval of `LEVEL`.

    Of one sample, against a value taken as exact (Student): SE = s / sqrt(n) with n - 1 degrees of freedom. Of two
    samples with variances of their own (Welch): SE^2 = s^2 / n + S^2 / m, with
    SE^4 / ((s^2 / n)^2 / (n - 1) + (S^2 / m)^2 / (m - 1)) degrees of freedom. t is the quantile (1 + LEVEL) / 2.

    Args:
        std: s, sample standard deviation of ours (ddof = 1).
        n: runs of ours, at least 2.
        other_std: S, the spread that the paper gives, read as the sample standard deviation of its runs.
        other_n: m, how many runs the paper averaged, None where it does not say; without two its spread says nothing,
            and its value counts as exact.

    Returns:
        the half width; None where neither sample has any spread.
    """
    ours, theirs = std**2 / n, 0.0
    freedom = ours**2 / (n - 1)
    if other_std is not None and other_n is not None and other_n > 1:
        theirs = other_std**2 / other_n
        freedom += theirs**2 / (other_n - 1)
    if not freedom:
        return None
    return quantile((ours + theirs) ** 2 / freedom) * math.sqrt(ours + theirs)


def quantile(freedom: float) -> float:
    """Returns the t that a two-sided interval of `LEVEL` reaches to, at `freedom` degrees of freedom."""
    from scipy.special import stdtrit  # a quarter of a second, which most commands need not wait for

    return float(stdtrit(freedom, (1 + LEVEL) / 2))


def difference_interval(line: Line) -> tuple[float, float] | None:
    """Returns the interval of `line.difference`, in points; None without two runs, or without a number of the paper.

    The paper's rounding (0.05 points, mostly) is not in it.
    """
    if line.difference is None or line.std is None or line.paper is None:
        return None
    half = half_width(line.std, line.runs, other_std=line.paper.std, other_n=line.asked)
    return None if half is None else (line.difference - half, line.difference + half)


EXACT: Final = 20  # pairs, of which every flip of signs is tried: a million
DRAWN: Final = 200_000  # flips drawn of more pairs

_ROUNDING: Final = 1e-9  # of the differences: a spread, or a distance, below that comes from subtracting alone


@dataclasses.dataclass(frozen=True)
class PairedTest:
    """Tests whether the mean of n paired differences is 0. Probabilities are two-sided.

    Attributes:
        n: pairs.
        mean: of the differences.
        interval: of the mean, at `LEVEL`, by Student's t; None below two pairs or without spread.
        t: mean / (s / sqrt(n)), with n - 1 degrees of freedom; None likewise.
        p: of |t|.
        sign_flip_p: share of all flips of signs whose mean is as far from 0 as ours.
        exact: whether all flips were tried.
    """

    n: int
    mean: float
    interval: tuple[float, float] | None
    t: float | None
    p: float | None
    sign_flip_p: float
    exact: bool


def paired_test(differences: Sequence[float]) -> PairedTest:
    """Tests whether `differences`, one per pair, have mean 0.

    Raises:
        ValueError: without any.
    """
    n = len(differences)
    if not n:
        raise ValueError("no pairs to compare")
    mean = statistics.fmean(differences)
    std = statistics.stdev(differences) if n > 1 else 0.0
    if std < _ROUNDING * max(map(abs, differences)):
        std = 0.0
    half = half_width(std, n) if n > 1 else None
    t = p = interval = None
    if half is not None:
        from scipy.special import stdtr

        t = mean / (std / math.sqrt(n))
        p = float(2 * stdtr(n - 1, -abs(t)))
        interval = (mean - half, mean + half)
    return PairedTest(n, mean, interval, t, p, _sign_flips(np.asarray(differences, np.float64)), n <= EXACT)


def _sign_flips(differences: np.ndarray) -> float:
    """Share of flips of signs whose sum is at least as far from 0; drawn ones count ours among them, so it is never 0.

    What rounding alone parts from ours is as far.
    """
    ours = abs(differences.sum()) - _ROUNDING * np.abs(differences).sum()
    if len(differences) <= EXACT:
        sums = np.zeros(1)
        for difference in differences:
            sums = np.concatenate([sums + difference, sums - difference])
        return float(np.mean(np.abs(sums) >= ours))
    generator = np.random.default_rng(0)
    flips = sum(
        int(np.sum(np.abs(generator.choice((-1.0, 1.0), (DRAWN // 20, len(differences))) @ differences) >= ours))
        for _ in range(20)
    )
    return (flips + 1) / (DRAWN + 1)


def directed_flips(differences: Sequence[float]) -> float:
    """Returns the share of all flips of signs whose mean is at least ours: the exact test of a mean above 0.

    What rounding alone parts from ours is at least ours. Of more than `EXACT` differences flips are drawn, ours among
    them.

    Raises:
        ValueError: without any.
    """
    if not differences:
        raise ValueError("no differences to test")
    values = np.asarray(differences, np.float64)
    ours = values.sum() - _ROUNDING * np.abs(values).sum()
    if len(values) <= EXACT:
        sums = np.zeros(1)
        for value in values:
            sums = np.concatenate([sums + value, sums - value])
        return float(np.mean(sums >= ours))
    generator = np.random.default_rng(0)
    signs = (generator.choice((-1.0, 1.0), (DRAWN // 20, len(values))) for _ in range(20))
    return (sum(int(np.sum(drawn @ values >= ours)) for drawn in signs) + 1) / (DRAWN + 1)
