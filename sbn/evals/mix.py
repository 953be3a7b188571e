"""Accuracy against corruption error for λ = 0, 0.1, ..., 1 (Split BatchNorms, section 6.1 and Figure 3)."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from sbn.evals.corruptions import GRID, Corrupted
from sbn.metrics.accuracy import mix_name
from sbn.tasks.base import Variables

_HEADLINES: Final = ("uce", "mce", "error")


class Mix:
    """Yields `test/mix_λ/accuracy` and `corrupted/mix_λ/uce` (and mce, where there is one), and both as curves over λ.

    Args:
        corrupted: the pass, which measures every λ of GRID.
    """

    def __init__(self, corrupted: Corrupted) -> None:
        self._corrupted = corrupted

    def __call__(self, variables: Variables) -> Iterator[tuple[str, float | np.ndarray]]:
        """Yields (name, value) pairs."""
        clean, errors = self._corrupted(variables)
        curves: dict[str, list[float]] = {}
        for weight in GRID:
            name = mix_name(weight)
            accuracy = float(clean.accuracy[self._corrupted.names.index(name)])
            numbers = {f"test/{name}/accuracy": accuracy}
            summary = self._corrupted.summary(name, clean, errors)
            numbers |= {f"{self._corrupted.split}/{name}/{key}": summary[key] for key in _HEADLINES if key in summary}
            for metric, value in numbers.items():
                yield metric, value
                curves.setdefault(metric.replace(name, "mix"), []).append(value)
        for metric, values in curves.items():
            yield metric, np.array(values)
        yield "mix/lambda", np.array(GRID)
