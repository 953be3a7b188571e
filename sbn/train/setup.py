"""Everything a run is made of, built from its config; mistakes are found before anything is compiled or written."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import jax
from etils import epath
from jax.sharding import Mesh
from ml_collections import ConfigDict

from sbn.augment import pipeline
from sbn.config import tree
from sbn.config.errors import ConfigError
from sbn.config.translation_keys import check_sentences
from sbn.data import pairing, record, sources
from sbn.data.batching import Batching, Even, make_batching
from sbn.data.encoded import Encoded
from sbn.data.examples import Examples, InMemory, LabelledImages
from sbn.data.statistics import Channels
from sbn.data.targets import inputs_of
from sbn.evals import base as evals
from sbn.runs import files
from sbn.tasks import make_task
from sbn.tasks.base import Task, TaskData
from sbn.train import domains, views
from sbn.train.domains import Domain, Load
from sbn.train.mesh import make_mesh
from sbn.train.optimiser import check_optimisers
from sbn.train.parts import names_part
from sbn.train.plan import NOTHING_BEFORE, Before, Plan, make_plan
from sbn.train.process import check_jax
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
        channels: what images are normalised with; None where there are none.
        views: of every stage, by its name.
        batching: which training examples a batch holds.
        domains: data sets that views have of their own.
    """

    mesh: Mesh
    train: Examples
    test: Examples
    task: Task
    plan: Plan
    channels: Channels | None
    views: Mapping[str, views.Views]
    batching: Batching
    domains: tuple[Domain, ...] = ()

    @property
    def examples_per_step(self) -> int:
        """How many examples a batch holds, on average."""
        if isinstance(self.batching, Even):
            return self.batching.batch_size
        sizes = [len(planned.ids) for planned in self.batching.epoch(0, stage=0, epoch=0)]
        return round(sum(sizes) / len(sizes))

    @property
    def images(self) -> LabelledImages:
        """The training split, as images; callers have checked that its examples are images."""
        return cast(LabelledImages, self.train)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Features that the network is given."""
        return inputs_of(self.task, self.train.features)

    def check_data(self, config: ConfigDict, recorded: Mapping[str, Any] | None, *, where: object) -> dict[str, Any]:
        """Returns the description of the data that the run records (`record.describe`).

        Raises:
            ConfigError: if they are other data than those that the run `where` recorded, or texts cut into other pieces
                than those that the run it begins from was trained on.
        """
        others = {domain.name: (domain.train, domain.test) for domain in self.domains}
        data = record.describe(config.data.name, self.train, self.test, self.channels, others)
        record.check_same(recorded, data, where=where)
        init = config.init
        embeds = not init.only or any(names_part(pattern, ("embedding",)) for pattern in init.only)
        if init["from"] is not None and recorded is None and embeds:
            there = files.read(epath.Path(init["from"]), files.DATA)
            record.check_same_pieces(there, data, where=f"init.from = {init['from']!r}")
        return data

    def check_batches(self, recorded: Mapping[str, Any] | None, *, where: object) -> dict[str, Any]:
        """Returns the description of the batches that the run records (`record.describe_batches`).

        Raises:
            ConfigError: if they are not those of the run `where`, as another number of devices cuts them.
        """
        batches = record.describe_batches(self.batching)
        record.check_same_batches(recorded, batches, where=where, devices=self.mesh.devices.size)
        return batches

    def materials(self, config: ConfigDict, *, workdir: epath.Path | None = None) -> evals.Materials:
        """Returns what the evaluators of the run are made of."""
        stages = tuple(evals.StageData(own.start, own.stop, *self.views[own.name]) for own in self.plan.stages)
        made = evals.Materials(
            config, self.task, self.mesh, self.images, cast(LabelledImages, self.test), stages, workdir
        )
        made = dataclasses.replace(made, domains={domain.name: domain.test for domain in self.domains})
        return made if self.channels is None else dataclasses.replace(made, mean=self.channels.mean)


def make_setup(
    config: ConfigDict,
    before: Before = NOTHING_BEFORE,
    *,
    recorded: Mapping[str, Any] | None = None,
    devices: Sequence[jax.Device] | None = None,
    load: Load | None = None,
) -> Setup:
    """Returns the parts of the run that `config` describes; only the data are loaded.

    Args:
        config: of the run.
        before: what its steps and stages are counted on from.
        recorded: what the run's data.json holds, whose mean and deviation then count; None where there is none.
        devices: to train on; None: all there are.
        load: reads the splits of data sets; None: they are what the config says.

    Raises:
        ConfigError: if they don't fit together.
    """
    check_jax()
    for view in config.views:
        pipeline.parse_key(f"views.{view}.augment", config.views[view].augment)
    if load is None:
        check_sentences(config)
    size = config.batch_size if config.batch_tokens is None else 0  # those that count tokens divide as they are made
    mesh = make_mesh(batch_size=size, devices=devices)
    load = load or sources.load
    train, test = (load(config.data, split, view=config.eval.augment) for split in ("train", "test"))
    pairing.check_together(config.data, train, test, view=config.eval.augment)
    channels = None
    if isinstance(train, InMemory | Encoded) and "image" in train.features:
        channels = record.channels(recorded) or sources.channels(config.data, train)
    seen = {name: feature for name, feature in train.features.items() if name in test.features}
    if isinstance(test, InMemory | Encoded) and "image" in seen:  # as evaluation sees them
        seen["image"] = dataclasses.replace(seen["image"], shape=test.images.shape[1:])
        for name, feature in seen.items():
            if feature.kind == "mask":
                seen[name] = dataclasses.replace(feature, shape=test.images.shape[1:3])
            elif feature.kind == "boxes" or name == "box_label":  # the splits may differ in how many slots they have
                seen[name] = dataclasses.replace(feature, shape=test.features[name].shape)
    known = TaskData(seen, *channels) if channels else TaskData(seen)
    try:
        task = make_task(config, dataclasses.replace(known, test_examples=len(test)))
    except ConfigError as error:
        if lost := [name for name in train.features if name not in seen]:
            why = f"eval.augment = {config.eval.augment!r} changes the size of test images, which leaves them no"
            raise ConfigError(f"{error}: {why} {', '.join(lost)}") from None
        raise
    batching = _make_batching(config, task, train, mesh)
    own = None if isinstance(batching, Even) else _steps_per_epoch(batching, recorded)
    plan = make_plan(config, examples=len(train), before=before, steps_per_epoch=own)
    try:
        shapes = jax.eval_shape(task.init, jax.random.key(0))  # the model's own checks, without compiling it
    except ValueError as error:
        raise ConfigError(f"model.name = {config.model.name!r}: {error}") from None
    others = domains.load(config, load)
    for domain in others:
        domains.check(domain, config, task, train, test)
        if own is not None:
            raise ConfigError(f"views.{domain.name}.data: a view can't have its own data when batches differ in shape")
    drawn = {view: domain.train for domain in others for view in domain.views}
    made = {stage.name: views.resolved(stage, task, train, drawn) for stage in plan.stages}
    for stage in plan.stages:
        if isinstance(batching, Even) and config.batch_size // mesh.devices.size % stage.config.optim.accumulate:
            raise ConfigError(
                f"optim.accumulate = {stage.config.optim.accumulate} does not divide the "
                f"{config.batch_size // mesh.devices.size} examples of each of {mesh.devices.size} devices"
            )
        task.check_views(made[stage.name].task)
        make_schedule(stage, plan)
    check_optimisers(plan, shapes["params"])
    return Setup(mesh, train, test, task, plan, channels, made, batching, others)


def _steps_per_epoch(batching: Batching, recorded: Mapping[str, Any] | None) -> int:
    """Those of the run: it may be evaluated on another number of devices, which would cut other batches."""
    found = ((recorded or {}).get("batches") or {}).get("steps_per_epoch")
    return found if isinstance(found, int) and found > 0 else batching.steps_per_epoch


def _make_batching(config: ConfigDict, task: Task, train: Examples, mesh: Mesh) -> Batching:
    """The batches of the training split, which are all that the run's keys allow for."""
    parts = math.lcm(*(tree.stage_config(config, name).optim.accumulate for name in config.stages))
    found = make_batching(config, task, train, multiple=mesh.devices.size * parts)
    if isinstance(found, Even):
        return found
    if found.steps_per_epoch < 1:
        raise ConfigError(f"the {len(train)} training examples are too few for one batch")
    if found.shapes > 1 and config.steps_per_call > 1:
        raise ConfigError(
            f"steps_per_call = {config.steps_per_call}: batches of {found.shapes} shapes can't share one call; give 1"
        )
    if config.data.path == "device":
        raise ConfigError(
            "data.path = 'device' makes batches of one size, and these differ in size: use data.path = 'host'"
        )
    return found
