"""What paired differences say about their mean: Student's paired t, and the exact test by flips of their signs.

Sources: Student 1908; Fisher 1935, *The Design of Experiments*, section 21.
"""

import dataclasses
import math
import statistics
from collections.abc import Sequence
from typing import Final

import numpy as np

from sbn.report.intervals import half_width

EXACT: Final = 20  # pairs, of which every flip of signs is tried: a million
DRAWN: Final = 200_000  # flips drawn of more pairs

_ROUNDING: Final = 1e-9  # of the differences: a spread, or a distance, below that comes from subtracting alone


@dataclasses.dataclass(frozen=True)
class PairedTest:
    """What n paired differences say about their mean being 0. Probabilities are two-sided.

    Attributes:
        n: pairs.
        mean: of the differences.
        interval: of the mean, at `intervals.LEVEL`, by Student's t; None below two pairs or without spread.
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
    """Tests whether `differences`, one a pair, have mean 0.

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
