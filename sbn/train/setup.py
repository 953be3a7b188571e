"""Everything a run is made of, built from its config; mistakes are found before anything is compiled or written."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from etils import epath
from jax.sharding import Mesh
from ml_collections import ConfigDict

from sbn.augment import pipeline
from sbn.augment.encoded_crops import check_crop
from sbn.augment.ops import POLICIES
from sbn.augment.size_checks import check_fits
from sbn.augment.size_ops import variants
from sbn.augment.step_ops import MIXES
from sbn.config.errors import ConfigError
from sbn.data import record, sources
from sbn.data.encoded import EncodedImages
from sbn.data.examples import Images, LabelledImages
from sbn.data.statistics import Channels
from sbn.data.views import View
from sbn.evals import base as evals
from sbn.tasks.base import StageViews, Task, TaskData
from sbn.tasks.make import make_task
from sbn.train.mesh import make_mesh
from sbn.train.optimiser import check_optimisers
from sbn.train.plan import NOTHING_BEFORE, Before, Plan, Stage, make_plan
from sbn.train.schedules import make_schedule


@dataclasses.dataclass(frozen=True)
class Setup:
    """The parts of a run.

    Attributes:
        mesh: the devices.
        train: training split.
        test: test split.
        task: what is learned.
        plan: what happens when.
        channels: what the input is normalised with.
    """

    mesh: Mesh
    train: LabelledImages
    test: LabelledImages
    task: Task
    plan: Plan
    channels: Channels

    def materials(self, config: ConfigDict, *, workdir: epath.Path | None = None) -> evals.Materials:
        """Returns what the evaluators of the run are made of."""
        stages = tuple(
            evals.Stage(
                stage.start,
                stage.stop,
                tuple(make_views(stage, self.train.images)),
                stage_views(stage, self.task.branches),
            )
            for stage in self.plan.stages
        )
        return evals.Materials(config, self.task, self.mesh, self.train, self.test, stages, workdir, self.channels.mean)


def make_setup(
    config: ConfigDict,
    before: Before = NOTHING_BEFORE,
    *,
    recorded: Mapping[str, Any] | None = None,
    devices: Sequence[jax.Device] | None = None,
    splits: tuple[sources.LabelledImages, sources.LabelledImages] | None = None,
) -> Setup:
    """Returns the parts of the run that `config` describes; only the data are loaded.

    Args:
        config: of the run.
        before: what its steps and stages are counted on from.
        recorded: what the run's data.json holds, whose mean and deviation then count; None where there is none.
        devices: to train on; None: all there are.
        splits: training and test split; None: as the config says.

    Raises:
        ConfigError: if they don't fit together.
    """
    for view in config.views:
        _parse(config.views[view].augment, f"views.{view}.augment")
    mesh = make_mesh(batch_size=config.batch_size, devices=devices)
    train, test = splits or (sources.load(config.data, split, view=config.eval.augment) for split in ("train", "test"))
    sources.check_together(config.data, train, test, view=config.eval.augment)
    channels = record.channels(recorded) or sources.channels(config.data, train)
    task = make_task(config, TaskData(train.features, *channels))
    plan = make_plan(config, examples=len(train), before=before)
    try:
        shapes = jax.eval_shape(task.init, jax.random.key(0))  # the model's own checks, without compiling it
    except ValueError as error:
        raise ConfigError(f"model.name = {config.model.name!r}: {error}") from None
    for stage in plan.stages:
        if config.batch_size // mesh.devices.size % stage.config.optim.accumulate:
            raise ConfigError(
                f"optim.accumulate = {stage.config.optim.accumulate} does not divide the "
                f"{config.batch_size // mesh.devices.size} examples of each of {mesh.devices.size} devices"
            )
        task.check_views(stage_views(stage, task.branches))
        make_schedule(stage, plan)
    check_optimisers(plan, shapes["params"])
    return Setup(mesh, train, test, task, plan, channels)


def make_views(stage: Stage, images: Images) -> list[View]:
    """Returns the views of a stage, in the order of the K axis, for the training images.

    Raises:
        ConfigError: if a pipeline can't be read, or does not fit the images.
    """
    views = []
    for name, (ops, streams) in _pipelines(stage).items():
        try:
            drawn = variants(ops)
            if len(drawn) > 1 and (steps := stage.config.steps_per_call) > 1:
                raise ValueError(f"batches whose size is drawn can't share a call: steps_per_call is {steps}, not 1")
            for variant in drawn:
                if isinstance(images, EncodedImages):
                    check_crop(variant, least=images.least)
                else:
                    check_fits(variant, image_size=images.shape[1:3])
        except ValueError as error:
            raise ConfigError(f"views.{name}.augment = {stage.config.views[name].augment!r}: {error}") from None
        views.append(View(ops, streams, _strengths(stage, name, ops)))
    return views


def _strengths(stage: Stage, name: str, ops: tuple[pipeline.Op, ...]) -> np.ndarray | None:
    """What is left of a view at every step of the stage: 1 until it begins to fade, 0 at the last; None if it stays."""
    view, steps = stage.config.views[name], stage.stop - stage.start
    fade = stage.fades[name]
    if not fade:
        return None
    if not any(isinstance(op, (*POLICIES, *MIXES)) for op in ops):
        names = ", ".join(op.name for op in (*POLICIES, *MIXES))
        raise ConfigError(f"views.{name}.fade = {view.fade!r}: nothing in {view.augment!r} can fade ({names} can)")
    if fade > steps:
        raise ConfigError(f"views.{name}.fade = {view.fade!r} is longer than the stage's {stage.config.duration!r}")
    gone = np.clip((np.arange(1, steps + 1) - (steps - fade)) / fade, 0, 1)
    left = 1 - gone if view.fade_shape == "linear" else 0.5 * (1 + np.cos(np.pi * gone))
    return left.astype(np.float32)


def stage_views(stage: Stage, branch_names: tuple[str, ...]) -> StageViews:
    """Returns the views of a stage; without weights of their own they weigh 1/K (Split BatchNorms, section 3)."""
    names = tuple(stage.config.branches)
    weights = [stage.config.views[name].weight for name in names]
    in_step = [
        [(op, stream) for op, stream in zip(ops, streams, strict=True) if op.where != "image"]
        for ops, streams in _pipelines(stage).values()
    ]
    return StageViews(
        names,
        tuple(1 / len(names) if weight is None else weight for weight in weights),
        branches=tuple(branch_names.index(name) if name in branch_names else 0 for name in names),
        ops=tuple(tuple(op for op, _ in pairs) for pairs in in_step),
        draws=tuple(tuple(stream for _, stream in pairs) for pairs in in_step),
    )


def _pipelines(stage: Stage) -> dict[str, tuple[tuple[pipeline.Op, ...], tuple[int, ...]]]:
    """Every view's ops, and the stream of draws of each."""
    names = list(stage.config.branches)
    ops = {name: _parse(stage.config.views[name].augment, f"views.{name}.augment") for name in names}
    made = {}
    for own, name in enumerate(names):
        other = stage.config.views[name].draws or name
        made[name] = (ops[name], pipeline.streams(ops[name], own, ops[other], names.index(other)))
    return made


def _parse(text: str, name: str) -> tuple[pipeline.Op, ...]:
    try:
        return pipeline.parse(text)
    except ValueError as error:
        raise ConfigError(f"{name} = {text!r}: {error}") from None
