"""Everything a run is made of, built from its config; mistakes are found before anything is compiled or written."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
from etils import epath
from jax.sharding import Mesh
from ml_collections import ConfigDict

from sbn.config.errors import ConfigError
from sbn.data import record, sources
from sbn.data.examples import LabelledImages
from sbn.data.statistics import Channels
from sbn.evals import base as evals
from sbn.tasks import make_task
from sbn.tasks.base import Task, TaskData
from sbn.train import views
from sbn.train.mesh import make_mesh
from sbn.train.optimiser import check_optimisers
from sbn.train.plan import NOTHING_BEFORE, Before, Plan, make_plan
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
        views: of every stage, by its name.
    """

    mesh: Mesh
    train: LabelledImages
    test: LabelledImages
    task: Task
    plan: Plan
    channels: Channels
    views: Mapping[str, views.Views]

    def materials(self, config: ConfigDict, *, workdir: epath.Path | None = None) -> evals.Materials:
        """Returns what the evaluators of the run are made of."""
        stages = tuple(evals.Stage(own.start, own.stop, *self.views[own.name]) for own in self.plan.stages)
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
        views.parse(config.views[view].augment, f"views.{view}.augment")
    mesh = make_mesh(batch_size=config.batch_size, devices=devices)
    train, test = splits or (sources.load(config.data, split, view=config.eval.augment) for split in ("train", "test"))
    sources.check_together(config.data, train, test, view=config.eval.augment)
    channels = record.channels(recorded) or sources.channels(config.data, train)
    seen = dataclasses.replace(train.features["image"], shape=test.images.shape[1:])  # as evaluation sees them
    task = make_task(config, TaskData({**train.features, "image": seen}, *channels))
    plan = make_plan(config, examples=len(train), before=before)
    try:
        shapes = jax.eval_shape(task.init, jax.random.key(0))  # the model's own checks, without compiling it
    except ValueError as error:
        raise ConfigError(f"model.name = {config.model.name!r}: {error}") from None
    made = {stage.name: views.resolved(stage, task.branches, train.images) for stage in plan.stages}
    for stage in plan.stages:
        if config.batch_size // mesh.devices.size % stage.config.optim.accumulate:
            raise ConfigError(
                f"optim.accumulate = {stage.config.optim.accumulate} does not divide the "
                f"{config.batch_size // mesh.devices.size} examples of each of {mesh.devices.size} devices"
            )
        task.check_views(made[stage.name].task)
        make_schedule(stage, plan)
    check_optimisers(plan, shapes["params"])
    return Setup(mesh, train, test, task, plan, channels, made)
