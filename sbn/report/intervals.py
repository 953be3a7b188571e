"""How far a mean over seeds may be from what the paper reports: confidence intervals of the difference.

Sources: Student 1908, *The probable error of a mean*; Welch 1947, *The generalization of "Student's" problem*, with the
degrees of freedom of Satterthwaite 1946.
"""

import math
from typing import Final

from sbn.report.tables import Line

LEVEL: Final = 0.95


def half_width(std: float, n: int, *, other_std: float | None = None, other_n: int = 1) -> float | None:
    """Returns t * SE: what to add to and take from the difference of two means for its interval of `LEVEL`.

    Of one sample, against a value taken as exact (Student): SE = s / sqrt(n) with n - 1 degrees of freedom. Of two
    samples with variances of their own (Welch): SE^2 = s^2 / n + S^2 / m, with
    SE^4 / ((s^2 / n)^2 / (n - 1) + (S^2 / m)^2 / (m - 1)) degrees of freedom. t is the quantile (1 + LEVEL) / 2.

    Args:
        std: s, sample standard deviation of ours (ddof = 1).
        n: runs of ours, at least 2.
        other_std: S, the spread that the paper gives, read as the sample standard deviation of its runs.
        other_n: m, how many runs the paper averaged; below 2 its spread says nothing, and its value counts as exact.

    Returns:
        the half width; None where neither sample has any spread.
    """
    ours, theirs = std**2 / n, 0.0
    freedom = ours**2 / (n - 1)
    if other_std is not None and other_n > 1:
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
