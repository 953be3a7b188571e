"""What a metric is: a state on the devices that takes one batch after the other, and the numbers it comes to.

Nothing keeps all outputs: a state is a tree of arrays of fixed size. clu.metrics has the same idea, but not what is
needed here: its metrics are classes without settings of their own (such as the mixes of two branches), keep float32
averages where counts are to be exact, and import TensorFlow.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import jax
import numpy as np

State = Any
Value = float | np.ndarray


class Metric(Protocol):
    """Measures outputs against targets, for every branch and every mix of branches that it knows of.

    `update` is compiled, and calls of it for the batches of a set, cut in any way, come to the same numbers, but for
    the rounding of sums that are no whole numbers.
    """

    def init(self) -> State:
        """Returns the state before the first batch: a tree of arrays."""
        ...

    def update(self, state: State, outputs: Any, targets: Mapping[str, Any], valid: jax.Array) -> State:
        """Returns the state after one more batch.

        Args:
            state: before it.
            outputs: of the task, a tree of (N, K, ...).
            targets: by name, (N, ...).
            valid: (N,) bool; False for examples that only fill up the batch, which must not count.
        """
        ...

    def merge(self, a: State, b: State) -> State:
        """Returns the state of the examples of both."""
        ...

    def compute(self, state: State) -> Mapping[str, Value]:
        """Returns numbers and arrays by name, `PREDICTION/METRIC`, as in 'main/accuracy'."""
        ...
