"""A task's metrics on the test split: those of its own, and those that `eval.metrics` adds."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from sbn.config import imported
from sbn.config.errors import ConfigError
from sbn.data.examples import Examples
from sbn.data.targets import for_evaluation
from sbn.evals.base import Materials, Value
from sbn.evals.measurement import Measurement
from sbn.metrics.base import Metric
from sbn.tasks.base import Variables


class Metrics:
    """Yields `test/` and what every metric computes, as in 'test/main/accuracy'. Every example counts once.

    Args:
        materials: the parts of the run.

    Raises:
        ConfigError: if a metric can't be imported or made, or is none.
    """

    def __init__(self, materials: Materials) -> None:
        config, task = materials.config, materials.task
        added: dict[str, Metric] = {
            name: _metric(imported.load(name, key="eval.metrics"), name, task, config) for name in config.eval.metrics
        }
        self._metrics, self._test, self._targets = {**task.metrics(), **added}, materials.test, tuple(task.targets)
        self._measurement = Measurement(materials.predict, self._metrics)

    def __call__(self, variables: Variables) -> Iterator[tuple[str, Value]]:
        """Yields (name, value) pairs."""
        examples = _Pairs(self._test, self._targets)
        found = self._measurement(variables, {"test": (len(examples), lambda: examples)}, what="metrics")["test"]
        for name, metric in self._metrics.items():
            for key, value in metric.compute(found[name]).items():
                yield f"test/{key}", value


def _metric(make: Any, name: str, task: Any, config: Any) -> Metric:
    """What a function or class of the user's own makes, if that is a metric."""
    if not callable(make):
        raise ConfigError(f"eval.metrics: {name!r} can't be called: it is a {type(make).__name__}")
    try:
        made: Metric = make(task, config)
    except Exception as error:
        raise ConfigError(f"eval.metrics: {name}(task, config) fails: {imported.reason(error)}") from None
    lacking = [part for part in ("init", "update", "merge", "compute") if not hasattr(made, part)]
    if lacking:
        raise ConfigError(
            f"eval.metrics: {name!r} makes a {type(made).__name__}, which lacks {', '.join(lacking)} "
            "(sbn.metrics.base.Metric)"
        )
    return made


class _Pairs:
    """Examples as (inputs, targets), slice by slice."""

    def __init__(self, examples: Examples, targets: Sequence[str]) -> None:
        self._examples, self._targets = examples, targets

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, where: slice) -> tuple[dict[str, Any], dict[str, Any]]:
        arrays = self._examples.load(np.arange(where.start, where.stop))
        return for_evaluation(arrays, self._examples.features, self._targets)
