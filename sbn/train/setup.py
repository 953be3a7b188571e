"""Everything a run is made of, built from its config; mistakes are found before anything is compiled or written."""

import dataclasses

import jax
from jax.sharding import Mesh
from ml_collections import ConfigDict

from sbn.augment import pipeline
from sbn.augment.fits import check_fits
from sbn.config.errors import ConfigError
from sbn.data import sources
from sbn.data.sources import Source
from sbn.data.views import View
from sbn.tasks.base import StageViews
from sbn.tasks.classification import Classification, make_classification
from sbn.train.mesh import make_mesh
from sbn.train.plan import NOTHING_BEFORE, Before, Plan, Stage, make_plan


@dataclasses.dataclass(frozen=True)
class Setup:
    """The parts of a run.

    Attributes:
        mesh: the devices.
        train: training split.
        test: test split.
        task: what is learned.
        plan: what happens when.
    """

    mesh: Mesh
    train: Source
    test: Source
    task: Classification
    plan: Plan


def make_setup(config: ConfigDict, before: Before = NOTHING_BEFORE) -> Setup:
    """Returns the parts of the run that `config` describes; only the data are loaded.

    Args:
        config: of the run.
        before: what its steps and stages are counted on from.

    Raises:
        ConfigError: if they don't fit together.
    """
    for view in config.views:
        _parse(config.views[view].augment, f"views.{view}.augment")
    mesh = make_mesh(batch_size=config.batch_size)
    train, test = sources.load(config.data, "train"), sources.load(config.data, "test")
    size = (train.images.shape[1], train.images.shape[2])
    task = make_classification(config, classes=train.classes, image_size=size, mean=train.mean, std=train.std)
    plan = make_plan(config, examples=len(train), before=before)
    try:
        jax.eval_shape(task.init, jax.random.key(0))  # the model's own checks, without compiling it
    except ValueError as error:
        raise ConfigError(f"model.name = {config.model.name!r}: {error}") from None
    for stage in plan.stages:
        task.check_views(stage_views(stage, task.branches))
    return Setup(mesh, train, test, task, plan)


def make_views(stage: Stage, *, image_size: tuple[int, int]) -> list[View]:
    """Returns the views of a stage, in the order of the K axis.

    Raises:
        ConfigError: if a pipeline can't be read, or does not fit the images.
    """
    names = list(stage.config.branches)
    views = []
    for name in names:
        view = stage.config.views[name]
        ops = _parse(view.augment, f"views.{name}.augment")
        try:
            check_fits(ops, image_size=image_size)
        except ValueError as error:
            raise ConfigError(f"views.{name}.augment = {view.augment!r}: {error}") from None
        views.append(View(ops, names.index(view.draws or name)))
    return views


def stage_views(stage: Stage, branch_names: tuple[str, ...]) -> StageViews:
    """Returns the views of a stage; without weights of their own they weigh 1/K (Split BatchNorms, section 3)."""
    names = tuple(stage.config.branches)
    views = [stage.config.views[name] for name in names]
    weights = [1 / len(names) if view.weight is None else view.weight for view in views]
    ops = [_parse(view.augment, f"views.{name}.augment") for name, view in zip(names, views, strict=True)]
    return StageViews(
        names,
        tuple(weights),
        branches=tuple(branch_names.index(name) if name in branch_names else 0 for name in names),
        ops=tuple(tuple(op for op in pipeline if op.where != "image") for pipeline in ops),
        draws=tuple(names.index(view.draws or name) for name, view in zip(names, views, strict=True)),
    )


def _parse(text: str, name: str) -> tuple[pipeline.Op, ...]:
    try:
        return pipeline.parse(text)
    except ValueError as error:
        raise ConfigError(f"{name} = {text!r}: {error}") from None
