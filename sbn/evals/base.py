"""The evaluator protocol: called with variables, it yields numbers and arrays named `split/branch/metric[/detail]`."""

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar, cast, runtime_checkable

import numpy as np
from etils import epath
from jax.sharding import Mesh
from ml_collections import ConfigDict

from sbn.config.errors import ConfigError
from sbn.data.examples import Examples, LabelledImages
from sbn.data.views import View
from sbn.evals.predictions import Predict
from sbn.evals.scores import Scorer
from sbn.tasks.base import ImageTask, StageViews, Task, Variables

Value = float | np.ndarray
Shared = TypeVar("Shared")


class Evaluator(Protocol):
    """Measures a model without changing anything: evaluators run in any order and do not affect training.

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
class StageData:
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
    """Everything that evaluators are built from.

    Attributes:
        config: of the run; an evaluator reads its own `eval` keys.
        task: what is learned.
        mesh: the devices.
        train: training split; of another task than one of images without `images` and `labels`.
        test: test split, likewise.
        stages: of the run.
        workdir: of the run, where long evaluators keep what they have so far; None: nowhere.
        mean: (3,) of the training images, in [0, 1].
        domains: the test splits of data sets that views have of their own, by name.
    """

    config: ConfigDict
    task: Task
    mesh: Mesh
    train: LabelledImages
    test: LabelledImages
    stages: tuple[StageData, ...] = ()
    workdir: epath.Path | None = None
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    domains: Mapping[str, Examples] = dataclasses.field(default_factory=dict)
    _made: dict[Any, Any] = dataclasses.field(default_factory=dict, compare=False, repr=False)

    @functools.cached_property
    def predict(self) -> Predict:
        """The forward pass of all branches, one for all evaluators: it is compiled once."""
        return Predict(self.task, self.mesh, batch_size=self.config.eval.batch_size)

    def measure(self, mix: Sequence[float], *, evaluator: str) -> Scorer:
        """Returns what scores the branches and their mixes, for an evaluator of image classification."""
        branches = self.image_task(evaluator, "classes").branches
        return Scorer(self.predict, branches=branches, mix=mix, average=self.config.eval.average)

    def image_task(self, evaluator: str, *needs: str) -> ImageTask:
        """Returns the task for an evaluator that asks for more than every task has.

        Args:
            evaluator: its name.
            needs: what it uses of `ImageTask`.

        Raises:
            ConfigError: one line, if the task lacks any of it.
        """
        if lacking := [name for name in needs if not hasattr(self.task, name)]:
            raise ConfigError(
                f"eval.evals: {evaluator!r} is only for image classification, and task = {self.config.task!r} has no "
                f"{', '.join(lacking)} (sbn.tasks.base.ImageTask)"
            )
        if "image" not in self.test.features:
            raise ConfigError(
                f"eval.evals: {evaluator!r} analyses images, and the data are {', '.join(self.test.features)}"
            )
        for name, why in getattr(self.task, "cannot", {}).items():
            if name in needs:
                raise ConfigError(
                    f"eval.evals: {evaluator!r} reads the {name} of a network, which {self.config.model.name!r} does "
                    f"not show: {why}"
                )
        return cast(ImageTask, self.task)

    def shared(self, make: Callable[["Materials"], Shared]) -> Shared:
        """Returns what `make` makes of these materials: one for all evaluators that ask for it."""
        if make not in self._made:
            self._made[make] = make(self)
        made: Shared = self._made[make]
        return made


_TAKEN = ("step",)  # names in a line of metrics.jsonl that are no metric's


def run(evaluator: Evaluator, variables: Variables, *, step: int = 0) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Returns what an evaluator yields of variables trained for `step` steps: scalars by name, and arrays by name.

    Raises:
        ConfigError: if it yields anything but pairs of a name and a number or an array, or a name twice: one of a
            user's own may.
    """
    if isinstance(evaluator, Staged):
        evaluator = evaluator.at(step)
    scalars: dict[str, float] = {}
    arrays: dict[str, np.ndarray] = {}
    what = f"eval.evals: {type(evaluator).__name__}"
    yielded = evaluator(variables)
    if not isinstance(yielded, Iterable):
        raise ConfigError(f"{what} returned a {type(yielded).__name__}: it must yield pairs (name, value)")
    for pair in yielded:
        if not (isinstance(pair, tuple | list) and len(pair) == 2 and isinstance(pair[0], str)):
            raise ConfigError(f"{what} yields {repr(pair)[:60]}: it must yield pairs (name, value)")
        name, value = pair
        if name in scalars or name in arrays or name in _TAKEN:
            raise ConfigError(
                f"{what} yields {name!r}{', which no metric may be called' * (name in _TAKEN) or ' twice'}"
            )
        array = np.asarray(value)
        if array.dtype.kind not in "biuf" and not (isinstance(value, np.ndarray) and array.dtype.kind in "SU"):
            raise ConfigError(f"{what} yields {name!r} with a {type(value).__name__}: a value is a number or an array")
        if array.ndim or isinstance(value, np.ndarray):
            arrays[name] = array
        else:
            scalars[name] = float(array)
    return scalars, arrays


def add(scalars: dict[str, float], more: Mapping[str, float], *, evaluator: str) -> None:
    """Adds what another evaluator of the same variables measured to `scalars`.

    Raises:
        ConfigError: if it has a name with another value: one of a user's own may, and its number would stand for the
            other's.
    """
    for name, value in more.items():
        if name in scalars and scalars[name] != value and not (math.isnan(value) and math.isnan(scalars[name])):
            raise ConfigError(
                f"eval.evals: {evaluator} yields {name!r} = {value:g}, which another evaluator measured as "
                f"{scalars[name]:g}: give it another name"
            )
    scalars.update(more)
