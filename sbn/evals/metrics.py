"""A task's metrics on the test split: those of its own, and those that `eval.metrics` adds."""

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from sbn.config import imported
from sbn.config.errors import ConfigError
from sbn.data.arrays import load, widest
from sbn.data.batching import Planned, make_batching
from sbn.data.examples import Examples
from sbn.data.targets import for_evaluation, inputs_of
from sbn.evals.base import Materials, Value
from sbn.evals.measurement import Measurement
from sbn.metrics.base import Metric
from sbn.tasks.base import Variables


class Metrics:
    """Yields `test/` and what every metric computes, as in 'test/main/accuracy'. Every example counts once.

    Where views have data of their own, every branch is measured on the test split of each of these, too:
    'test_NAME/main/accuracy', NAME the view's.

    Args:
        materials: the parts of the run.

    Raises:
        ConfigError: if a metric can't be imported or made, or is none.
    """

    def __init__(self, materials: Materials) -> None:
        config, task = materials.config, materials.task
        given = {"task": task, "config": config}
        needed: dict[str, Any] = {"parts": ("init", "update", "merge", "compute"), "kind": "sbn.metrics.base.Metric"}
        added: dict[str, Metric] = {
            name: imported.make(name, given, key="eval.metrics", **needed) for name in config.eval.metrics
        }
        self._metrics: dict[str, Metric] = {**task.metrics(), **added}
        self._measurement = Measurement(materials.predict, self._metrics)
        self._sets = {"test": Pairs(materials.test, materials)}
        self._sets |= {f"test_{name}": Pairs(own, materials) for name, own in materials.domains.items()}

    def __call__(self, variables: Variables) -> Iterator[tuple[str, Value]]:
        """Yields (name, value) pairs."""
        sets = {name: (own, functools.partial(_same, own)) for name, own in self._sets.items()}
        found = self._measurement(variables, sets, what="metrics")
        for split in self._sets:
            for name, metric in self._metrics.items():
                for key, value in metric.compute(found[split][name]).items():
                    yield f"{split}/{key}", value


def _same(pairs: "Pairs") -> "Pairs":
    return pairs


class Pairs:
    """Examples as (inputs, targets), slice by slice, in the order of their batches.

    Args:
        examples: of a split.
        materials: of the run: its task says what inputs and targets are, and which examples a batch holds.
    """

    def __init__(self, examples: Examples, materials: Materials) -> None:
        self._examples, self._targets = examples, tuple(materials.task.targets)
        self._inputs = inputs_of(materials.task, examples.features)
        self._widest = widest(examples)
        self._devices = materials.mesh.devices.size
        # what training demands of so many devices is no matter here: batches are filled up to a multiple of them
        try:
            once = make_batching(materials.config, materials.task, examples, multiple=1).once()
        except ConfigError as error:
            raise ConfigError(f"the test split: {error}") from None
        self._batches = None if once is None else list(once)
        own_sizes = getattr(materials.task, "own_sizes", None)
        self._own = None if own_sizes is None else own_sizes(examples)

    def __len__(self) -> int:
        return len(self._examples)

    @property
    def cuts(self) -> Iterator[tuple[slice, int]] | None:
        """The slices that batches are, and what each is filled up to; None: of one size."""
        return None if self._batches is None else self._cuts(self._batches)

    def _cuts(self, batches: Sequence[Planned]) -> Iterator[tuple[slice, int]]:
        start = 0
        for planned in batches:
            size = max(planned.size, len(planned.ids))
            yield slice(start, start + len(planned.ids)), -(-size // self._devices) * self._devices
            start += len(planned.ids)

    def __getitem__(self, where: slice) -> tuple[dict[str, Any], dict[str, Any]]:
        planned = Planned(np.arange(where.start, where.stop)) if self._batches is None else self._batch(where.start)
        names = {*self._inputs, *self._targets}
        arrays = load(self._examples, planned, sorted(names), self._widest)
        inputs, targets = for_evaluation(arrays, self._examples.features, self._targets, inputs=self._inputs)
        if self._own is None:
            return inputs, targets
        return {**inputs, **self._own.inputs(planned.ids)}, {**targets, **self._own.targets(planned.ids)}

    def _batch(self, start: int) -> Planned:
        assert self._batches is not None
        starts = np.cumsum([0, *(len(planned.ids) for planned in self._batches)])
        return self._batches[int(np.searchsorted(starts, start))]
