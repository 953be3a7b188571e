"""A config's programs, lowered for devices that are not there: neither data nor variables, shapes alone."""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from sbn.accelerators import stand_in
from sbn.augment.size_ops import sizes, variants
from sbn.config.errors import ConfigError, unknown
from sbn.data import arrays as batches
from sbn.data import device
from sbn.data.batching import Planned
from sbn.data.examples import LabelledImages
from sbn.data.targets import sort
from sbn.data.views import Fed, assemble
from sbn.train import mesh as meshes
from sbn.train.domain_feed import DomainsFeed
from sbn.train.feed import Prepare
from sbn.train.optimiser import make_optimiser
from sbn.train.plan import Stage
from sbn.train.schedules import make_schedule
from sbn.train.setup import Setup, make_setup
from sbn.train.state import init_state
from sbn.train.step import make_step

PROGRAMS = ("step", "evaluation")


@dataclasses.dataclass(frozen=True)
class Lowered:
    """A program before it is compiled.

    Attributes:
        program: of JAX.
        facts: 'examples' per step, 'images' per step over all views, 'steps' of the run, 'epochs' of the run,
            'parameters' of the network.
    """

    program: Any
    facts: dict[str, float]


def lower(config: ConfigDict, devices: Sequence[jax.Device], *, program: str = "step") -> Lowered:
    """Returns a program of the run that `config` describes, for `devices`.

    Args:
        config: of the run, checked.
        devices: of a topology, or real ones.
        program: 'step', that of the stage whose steps have the most pixels, or of the batch of the longest sentences;
            or 'evaluation', one forward pass of every branch over `eval.batch_size` images, or over such a batch.

    Raises:
        ConfigError: if the config can't be run on these devices.
    """
    if program not in PROGRAMS:
        raise unknown("program", program, PROGRAMS)
    setup = make_setup(config, devices=devices, load=stand_in.load)
    images = "image" in setup.train.features
    stage = max(setup.plan.stages, key=lambda stage: _pixels(setup, stage) if images else len(stage.config.branches))
    schedule = make_schedule(stage, setup.plan)
    state = jax.eval_shape(lambda: init_state(setup.task, make_optimiser(stage, schedule), seed=0))
    count = config.batch_size if images else len(_longest(setup).ids)
    facts = {
        "examples": count,
        "images": count * len(stage.config.branches),
        "steps": setup.plan.total,
        "epochs": setup.plan.total / setup.plan.steps_per_epoch,
        "parameters": sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(state.params)),
    }
    if program == "evaluation":
        return Lowered(_evaluation(setup, config, state.variables), facts)
    fed, resident, prepare = _fed(setup, stage, config) if images else _fed_arrays(setup, stage)
    calls = config.steps_per_call
    step: Any = make_step(setup.task, stage, schedule, setup.mesh, prepare=prepare, steps=calls)
    if calls > 1:
        fed = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((calls, *leaf.shape), leaf.dtype), fed)
    facts["steps_per_call"] = calls
    return Lowered(step.lower(state, *fed, resident), facts)


def _evaluation(setup: Setup, config: ConfigDict, variables: Any) -> Any:
    whole, own = meshes.replicated(setup.mesh), meshes.over_data(setup.mesh)
    forward = jax.jit(setup.task.outputs, in_shardings=(whole, own), out_shardings=whole)
    if "image" not in setup.train.features:
        arrays = batches.load(setup.train, _longest(setup), setup.inputs, batches.widest(setup.train))
        return forward.lower(variables, {name: _shapes(array, len(array)) for name, array in arrays.items()})
    count = -(-config.eval.batch_size // setup.mesh.devices.size) * setup.mesh.devices.size
    images = jax.ShapeDtypeStruct((count, *cast(LabelledImages, setup.test).images.shape[1:3]), jnp.int32)
    return forward.lower(variables, {"image": images})


class _ImagesFeed:
    """As `sbn.train.feed.Feed`, of images: yields the shapes of a batch, once, and its numbers."""

    def __init__(self, setup: Setup, config: ConfigDict) -> None:
        self._setup, self._carried = setup, sort(setup.train, setup.task.targets)
        self._own = {name: array[:1] for name, array in self._carried.arrays(setup.images).items()}
        self.resident: dict[str, Any] = {"seed": jax.ShapeDtypeStruct((), jnp.uint32)}
        self._on_device = config.data.path == "device"
        if self._on_device:
            pixels = np.zeros((1, *setup.images.images.shape[1:3]), np.int32)
            self.resident |= _shapes({"pixels": pixels, **self._own}, len(setup.train))

    def batches(self, stage: Stage, step: int) -> Iterator[Fed]:
        views, ids = self._setup.views[stage.name].data, np.zeros(1, np.int32)
        numbers: dict[str, Any] = {"epoch": np.zeros((), np.int32)}
        if any(view.strengths is not None for view in views):
            numbers["strength"] = np.ones(len(views), np.float32)
        if self._on_device:
            yield _shapes({"id": ids}, stage.config.batch_size), numbers
            return
        images = [np.zeros((1, *size), np.int32) for size in _sizes(self._setup, stage)]
        boxes = self._carried.boxes
        augmented = images if boxes is None else [(image, self._own[boxes]) for image in images]
        yield _shapes(assemble(augmented, self._own, ids, self._carried, np.stack), stage.config.batch_size), numbers

    def prepare(self, stage: Stage) -> Prepare:
        if not self._on_device:
            return lambda batch, numbers, resident: batch
        made, size = self._setup.views[stage.name].data, self._setup.images.images.shape[1:3]
        where: dict[str, Any] = {"stage": stage.index, "mesh": self._setup.mesh, "targets": self._carried}
        try:
            return device.make_prepare(made, image_size=size, **where)
        except ValueError as error:
            raise ConfigError(f"data.path = 'device': {error}") from None


def _fed(setup: Setup, stage: Stage, config: ConfigDict) -> tuple[tuple[Any, Any], Any, Prepare]:
    """Shapes of (a batch, the numbers of a step), of what lies on the devices; and what makes a batch of all."""
    feed = DomainsFeed(setup, config, _ImagesFeed) if setup.domains else _ImagesFeed(setup, config)
    batch, numbers = next(feed.batches(stage, stage.start))
    return (batch, _shapes_of(numbers)), feed.resident, feed.prepare(stage)


def _fed_arrays(setup: Setup, stage: Stage) -> tuple[tuple[Any, Any], Any, Prepare]:
    """The same of examples that are no images, of the batch of the longest."""
    if stage.config.data.path == "device":
        raise ConfigError("data.path = 'device': what a step needs is computed of images, or with 'host'")
    targets = tuple(setup.task.targets)
    fed = batches.make_batch(
        setup.train,
        setup.views[stage.name].data,
        _longest(setup),
        viewed=[name for name in setup.inputs if name not in targets],
        targets=targets,
        widest=batches.widest(setup.train),
        seed=0,
        stage=stage.index,
        epoch=0,
    )
    return _shapes_of(fed), {"seed": jax.ShapeDtypeStruct((), jnp.uint32)}, lambda batch, numbers, resident: batch


def _longest(setup: Setup) -> Planned:
    """The batch of an epoch whose examples are the longest: of as many tokens as others, with the largest attention."""
    return max(setup.batching.epoch(0, stage=0, epoch=0), key=lambda planned: max(planned.widths.values(), default=0))


def _shapes(tree: Any, count: int) -> Any:
    """The shapes of arrays (1, ...) with `count` in the place of 1."""
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((count, *leaf.shape[1:]), leaf.dtype), tree)


def _shapes_of(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), tree)


def _sizes(setup: Setup, stage: Stage) -> list[tuple[int, int]]:
    """(height, width) of every view; of a view that draws its size, the largest."""
    found = []
    for view in setup.views[stage.name].data:
        drawn = variants(view.ops)
        found.append(max(sizes(ops, setup.images.images.shape[1:3])[-1] for ops in drawn))
    return found


def _pixels(setup: Setup, stage: Stage) -> int:
    return sum(height * width for height, width in _sizes(setup, stage))
