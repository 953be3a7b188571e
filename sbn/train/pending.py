"""Metrics of steps on their way to the log, and whether the numbers of a run are still numbers."""

import math
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from sbn.train.state import TrainState
from sbn.train.step import Metrics


class Diverged(RuntimeError):
    """The loss or its gradient is no longer a number. The last checkpoint is from before that."""

    exit_code = 1


def check_finite(state: TrainState) -> None:
    """Raises `Diverged` if any number of the state is not finite: a finite loss does not show what its update did."""
    if not _is_finite(state):
        raise Diverged(f"the state after step {int(state.step)} is no longer finite: {_STOPPED}")


@jax.jit
def _is_finite(state: TrainState) -> jax.Array:
    return jnp.stack([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(state)]).all()


_STOPPED = "training stopped; the last checkpoint is from before that"


class Pending:
    """Metrics of steps not yet written, left on the device until then, so that steps need not wait for each other."""

    def __init__(self) -> None:
        self._steps: list[tuple[int, Metrics]] = []

    def add(self, step: int, metrics: Metrics) -> None:
        """Takes the metrics of the step after which `step` were done, or of several, one after the other, up to it."""
        self._steps.append((step, metrics))

    def flush(self) -> Mapping[str, float]:
        """Returns their means since the last time, by the names to write; what weighed nothing is left out.

        Raises:
            Diverged: naming the first step with a value that is not finite.
        """
        taken, self._steps = jax.device_get(self._steps), []
        found: dict[str, list[np.ndarray]] = {}
        for last, metrics in taken:
            # (steps, metrics, 2)
            rows = np.array([[np.atleast_1d(part) for part in pair] for pair in metrics.values()], np.float64).T
            rows = rows.swapaxes(1, 2)
            for place, name in np.argwhere(~np.isfinite(rows).all(axis=2))[:1]:
                value, step = rows[place, name, 0] / rows[place, name, 1], last - len(rows) + 1 + place
                raise Diverged(f"{list(metrics)[name]} is {value} at step {step}: {_STOPPED}")
            for name, pairs in zip(metrics, rows.swapaxes(0, 1), strict=True):
                found.setdefault(f"train/{name}", []).append(pairs)
        sums = {name: [math.fsum(column) for column in np.concatenate(rows).T] for name, rows in found.items()}
        return {name: total / weight for name, (total, weight) in sums.items() if weight}
