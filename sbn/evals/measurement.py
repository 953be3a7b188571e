"""Metrics of any task over sets of examples: states grow on the devices, batch by batch; outputs are never kept."""

import collections
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import jax
import numpy as np

from sbn.evals.predictions import ON_DEVICE, Examples, Stream
from sbn.metrics.base import Metric, State
from sbn.runs.progress import shown
from sbn.tasks.base import Variables

Tag = TypeVar("Tag")


class Measurement:
    """Measures any number of sets by some metrics, every example once, in one pass over them.

    Args:
        stream: computes the outputs of the inputs.
        metrics: by name.
    """

    def __init__(self, stream: Stream, metrics: Mapping[str, Metric]) -> None:
        self._stream = stream

        def update(states: Mapping[str, State], outputs: Any, targets: Any, valid: jax.Array) -> dict[str, State]:
            return {name: own.update(states[name], outputs, targets, valid) for name, own in metrics.items()}

        self._update = jax.jit(update, out_shardings=stream.whole)

        def begin() -> dict[str, State]:
            return {name: own.init() for name, own in metrics.items()}

        self._begin = jax.jit(begin, out_shardings=stream.whole)

    def __call__(
        self, variables: Variables, sets: Mapping[Tag, tuple[int | Examples, Callable[[], Examples]]], *, what: str
    ) -> dict[Tag, dict[str, State]]:
        """Returns the state of every metric, by its name, of each of the sets.

        Args:
            variables: of the model.
            sets: by a name of one's own: their length, or they themselves, and what loads them. Their slices are
                (inputs, targets), a tree of (n, ...) and arrays (n, ...) by name.
            what: is measured, to show how far it is.
        """
        states: dict[Tag, dict[str, State]] = {tag: self._begin() for tag in sets}
        ahead: collections.deque[Any] = collections.deque()
        batches = self._stream.on_device(
            variables, ((tag, load) for tag, (_, load) in sets.items()), inputs=lambda pair: pair[0]
        )
        total = sum(self._stream.count(examples) for examples, _ in sets.values())
        for tag, where, (inputs, targets), outputs in shown(batches, f"{what}: batches", total=total):
            size = len(jax.tree.leaves(inputs)[0])
            valid = self._stream.place(np.arange(size) < where.stop - where.start)
            states[tag] = self._update(states[tag], outputs, targets, valid)
            ahead.append(states[tag])
            if len(ahead) > ON_DEVICE:  # or batches would pile up on the devices
                jax.block_until_ready(ahead.popleft())
        return states
