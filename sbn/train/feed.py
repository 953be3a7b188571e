"""How examples reach the step: batches made by tf.data on the host, or ids from which the step makes them itself.

Several steps can be one call of the devices (`steps_per_call`): how a stage is cut into calls is here too, and what
each call is fed.
"""

import importlib.util
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import jax
import numpy as np
from ml_collections import ConfigDict

from sbn.config.errors import ConfigError
from sbn.data import arrays, device, host, targets
from sbn.data.batching import Even
from sbn.data.encoded import Encoded
from sbn.data.views import Fed
from sbn.tasks.base import Arrays
from sbn.train import mesh as meshes
from sbn.train.domain_feed import DomainsFeed
from sbn.train.plan import Stage
from sbn.train.setup import Setup

# (batch, numbers of the step, resident arrays) -> the batch that a task's loss takes
Prepare = Callable[[Arrays, Arrays, Arrays], Arrays]


class Feed(Protocol):
    """One way. All give the same batches for the same config.

    Attributes:
        resident: arrays that lie on every device throughout, for the step and `prepare` to read. 'seed', () uint32, is
            one of them: so the seeds of a row are one program, compiled once.
    """

    resident: Arrays

    def batches(self, stage: Stage, step: int) -> Iterator[Fed]:
        """Yields (part of a batch, numbers), this process's, from step `step` of the run to the end of the stage."""
        ...

    def prepare(self, stage: Stage) -> Prepare:
        """Returns what the step calls first: (batch, numbers, resident) -> the batch that a task's loss takes."""
        ...


class HostFeed:
    """`data.path = 'host'`."""

    def __init__(self, setup: Setup, config: ConfigDict) -> None:
        if importlib.util.find_spec("tensorflow") is None:
            raise ConfigError("data.path = 'host' needs TensorFlow, which is not installed; 'device' works without it")
        self.resident: Arrays = meshes.place_whole(setup.mesh, {"seed": np.asarray(config.seed, np.uint32)})
        self._setup, self._config = setup, config
        self._targets = targets.sort(setup.train, setup.task.targets)

    def batches(self, stage: Stage, step: int) -> Iterator[Fed]:
        """As `Feed` says."""
        source, views, batching = self._setup.images, self._setup.views[stage.name].data, self._setup.batching
        span = {"targets": self._targets, **_span(stage, step, self._config.seed, self._config.batch_size)}
        if not isinstance(batching, Even) and isinstance(source, Encoded):
            return host.batches_on_canvases(source, views, batching, **span)
        return host.batches(source, views, **span)

    def prepare(self, stage: Stage) -> Prepare:
        """As `Feed` says: the batch is ready."""
        return lambda batch, numbers, resident: batch


class ArraysFeed:
    """`data.path = 'host'` of examples that are no images: made by NumPy."""

    def __init__(self, setup: Setup, config: ConfigDict) -> None:
        self._setup, self._config = setup, config
        self.resident: Arrays = meshes.place_whole(setup.mesh, {"seed": np.asarray(config.seed, np.uint32)})

    def batches(self, stage: Stage, step: int) -> Iterator[Fed]:
        """As `Feed` says."""
        targets = tuple(self._setup.task.targets)
        return arrays.batches(
            self._setup.train,
            self._setup.views[stage.name].data,
            self._setup.batching,
            viewed=[name for name in self._setup.inputs if name not in targets],
            targets=targets,
            **_place(stage, step, self._config.seed),
        )

    def prepare(self, stage: Stage) -> Prepare:
        """As `Feed` says: the batch is ready."""
        return lambda batch, numbers, resident: batch


class ResidentArraysFeed:
    """`data.path = 'device'` of examples that are no images."""

    def __init__(self, setup: Setup, config: ConfigDict) -> None:
        self._setup, self._config = setup, config
        names = dict.fromkeys([*setup.inputs, *setup.task.targets])
        self.resident: Arrays = meshes.place_whole(
            setup.mesh, arrays.resident(setup.train, list(names), seed=config.seed)
        )

    def batches(self, stage: Stage, step: int) -> Iterator[Fed]:
        """As `Feed` says."""
        return arrays.ids(self._setup.batching, **_place(stage, step, self._config.seed))

    def prepare(self, stage: Stage) -> Prepare:
        """As `Feed` says."""
        targets, features = tuple(self._setup.task.targets), self._setup.train.features
        return arrays.make_prepare(
            self._setup.views[stage.name].data,
            {name: features[name].kind for name in self._setup.inputs if name not in targets},
            targets=targets,
            stage=stage.index,
            mesh=self._setup.mesh,
        )


class DeviceFeed:
    """`data.path = 'device'`."""

    def __init__(self, setup: Setup, config: ConfigDict) -> None:
        self._setup, self._config = setup, config
        self._targets = targets.sort(setup.train, setup.task.targets)
        self._prepares = {stage.name: self._make_prepare(stage) for stage in setup.plan.stages}
        resident = device.resident(setup.images, seed=config.seed, targets=self._targets)
        self.resident: Arrays = meshes.place_whole(setup.mesh, resident)

    def _make_prepare(self, stage: Stage) -> Prepare:
        views, size = self._setup.views[stage.name].data, self._setup.images.images.shape[1:3]
        try:
            return device.make_prepare(
                views, stage=stage.index, image_size=size, mesh=self._setup.mesh, targets=self._targets
            )
        except ValueError as error:
            raise ConfigError(f"data.path = 'device': {error}") from None

    def batches(self, stage: Stage, step: int) -> Iterator[Fed]:
        """As `Feed` says."""
        span = _span(stage, step, self._config.seed, self._config.batch_size)
        return device.batches(self._setup.images, **span, views=self._setup.views[stage.name].data)

    def prepare(self, stage: Stage) -> Prepare:
        """As `Feed` says."""
        return self._prepares[stage.name]


def _span(stage: Stage, step: int, seed: int, batch_size: int) -> dict[str, Any]:
    """The arguments that both paths' `batches` of images take."""
    return {**_place(stage, step, seed), "batch_size": batch_size}


def _place(stage: Stage, step: int, seed: int) -> dict[str, Any]:
    """Which batches: the arguments that all paths' `batches` take."""
    return {
        "seed": seed,
        "stage": stage.index,
        "start": step - stage.start,
        "stop": stage.stop - stage.start,
        "shard": (jax.process_index(), jax.process_count()),
    }


_Feeds = dict[str, Callable[[Setup, ConfigDict], Feed]]
FEEDS: _Feeds = {"host": HostFeed, "device": DeviceFeed}
ARRAY_FEEDS: _Feeds = {"host": ArraysFeed, "device": ResidentArraysFeed}


def make_feed(setup: Setup, config: ConfigDict) -> Feed:
    """Returns the feed that `data.path` names.

    Raises:
        ConfigError: if a pipeline can't be read, or TensorFlow is not there for it.
    """
    table = FEEDS if "image" in setup.train.features else ARRAY_FEEDS
    make = table[config.data.path]
    return DomainsFeed(setup, config, make) if setup.domains else make(setup, config)


def call_sizes(start: int, stop: int, *, most: int, due: Callable[[int], bool]) -> Iterator[int]:
    """Yields the steps of every call from step `start` to step `stop`: `most`, or 1 where fewer are left.

    What is due after a step finds its state there: no call passes over it. The cuts depend on the steps alone, so
    that a run that goes on from any cut makes those that it would have made without a break.

    Args:
        start: steps done before the first call.
        stop: steps done after the last.
        most: steps of a call.
        due: whether something happens once so many steps are done.
    """
    while start < stop:
        fits = start + most <= stop and not any(due(step) for step in range(start + 1, start + most))
        size = most if fits else 1
        yield size
        start += size


def in_calls(batches: Iterable[Fed], sizes: Iterable[int]) -> Iterator[tuple[int, Fed]]:
    """Yields each call's steps and what it is fed: a batch and its numbers, or several of both along a first axis."""
    left = iter(batches)
    for size in sizes:
        own = list(itertools.islice(left, size))
        yield size, own[0] if size == 1 else jax.tree.map(lambda *parts: np.stack(parts), *own)
