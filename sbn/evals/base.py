"""What an evaluator is: called with variables, it yields numbers and arrays by name, `split/branch/metric[/detail]`."""

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from etils import epath
from jax.sharding import Mesh
from ml_collections import ConfigDict

from sbn.data.corruptions import sets
from sbn.data.examples import LabelledImages
from sbn.data.views import View
from sbn.evals.corruptions import Corrupted
from sbn.evals.mix import GRID
from sbn.evals.predictions import Predict
from sbn.evals.scores import Measure
from sbn.tasks.base import StageViews, Task, Variables

Value = float | np.ndarray


class Evaluator(Protocol):
    """Measures a model. It changes nothing: evaluators run in any order, and training goes on as if they had not.

    The same config and variables give the same values. Every example counts once, and all branches and mixes are
    measured in one pass over the images.
    """

    def __call__(self, variables: Variables) -> Iterator[tuple[str, Value]]:
        """Yields (name, value) pairs: scalars for metrics.jsonl, as fractions, and arrays for artifacts/."""
        ...


@runtime_checkable
class Staged(Protocol):
    """An evaluator that measures what training does at a step: another stage has other views."""

    def at(self, step: int) -> Evaluator:
        """Returns the evaluator of a state that `step` steps led to."""
        ...


@dataclasses.dataclass(frozen=True)
class Stage:
    """A stage of training, as evaluators know it.

    Attributes:
        start: steps done before it.
        stop: steps done after it.
        data: its views as the data paths make them.
        views: its views as the task takes them.
    """

    start: int
    stop: int
    data: tuple[View, ...]
    views: StageViews


@dataclasses.dataclass(frozen=True)
class Materials:
    """What evaluators are made of.

    Attributes:
        config: of the run; an evaluator reads its own `eval` keys.
        task: what is learned.
        mesh: the devices.
        train: training split.
        test: test split.
        stages: of the run.
        workdir: of the run, where long evaluators keep what they have so far; None: nowhere.
        mean: (3,) of the training images, in [0, 1].
    """

    config: ConfigDict
    task: Task
    mesh: Mesh
    train: LabelledImages
    test: LabelledImages
    stages: tuple[Stage, ...] = ()
    workdir: epath.Path | None = None
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)

    @functools.cached_property
    def predict(self) -> Predict:
        """The forward pass of all branches, one for all evaluators: it is compiled once."""
        return Predict(self.task, self.mesh, batch_size=self.config.eval.batch_size)

    def measure(self, mix: Sequence[float]) -> Measure:
        """Returns what scores the branches and their mixes."""
        return Measure(self.predict, branches=self.task.branches, mix=mix, average=self.config.eval.average)

    @functools.cached_property
    def corrupted(self) -> Corrupted:
        """The pass over corrupted images, one for all evaluators.

        Raises:
            ConfigError: if the images are not there, or can't be made.
        """
        config = self.config
        data = sets.load(
            self.test,
            data=config.data.name,
            source=config.eval.corruptions.source,
            dir=config.eval.corruptions.dir,
            kinds=config.eval.corruptions.kinds,
            frost=config.eval.corruptions.frost,
            examples=config.eval.corruptions.examples,
        )
        return Corrupted(self.measure(sorted({*GRID, *config.eval.mix})), self.test, data)


def run(evaluator: Evaluator, variables: Variables, *, step: int = 0) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Returns what an evaluator yields of variables trained for `step` steps: scalars by name, and arrays by name."""
    if isinstance(evaluator, Staged):
        evaluator = evaluator.at(step)
    scalars: dict[str, float] = {}
    arrays: dict[str, np.ndarray] = {}
    for name, value in evaluator(variables):
        if isinstance(value, np.ndarray):
            arrays[name] = value
        else:
            scalars[name] = float(value)
    return scalars, arrays
