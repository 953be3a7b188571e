"""Every duration of a config, in steps. Nothing else converts epochs or examples."""

import dataclasses
from collections.abc import Mapping

from ml_collections import ConfigDict

from sbn.config import durations, tree
from sbn.config.errors import ConfigError
from sbn.config.evaluation import rhythm_key


@dataclasses.dataclass(frozen=True)
class Every:
    """A rhythm of steps.

    Attributes:
        interval: steps between two times; 0 for none but the ends.
        ends: where it is always due: where stages end, the run's end among them.
    """

    interval: int
    ends: tuple[int, ...]

    def due(self, step: int) -> bool:
        """Whether it is due once `step` steps are done."""
        return step in self.ends or (self.interval > 0 and step % self.interval == 0)


@dataclasses.dataclass(frozen=True)
class Before:
    """What came before a run that starts from another run: step and stage numbers continue from there.

    So they have the addresses, in draws and in learning rates, that they would have as later stages of that run.

    Attributes:
        steps: done there, and in runs before that.
        stages: begun there, and in runs before that.
    """

    steps: int = 0
    stages: int = 0


_MOST_STEPS = 2**31 - 1  # what the state counts them in

NOTHING_BEFORE = Before()


@dataclasses.dataclass(frozen=True)
class Stage:
    """One stage of the plan: steps `start` to `stop - 1` of the run.

    Attributes:
        name: of the stage.
        index: its place among the stages; draws are addressed by it.
        start: steps done before it.
        stop: steps done after it.
        config: the keys as they stand in this stage.
        fades: how long each view fades, in steps.
        epochs: how many it is long.
    """

    name: str
    index: int
    start: int
    stop: int
    config: ConfigDict
    fades: Mapping[str, int] = dataclasses.field(default_factory=dict)
    epochs: float = 1.0


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a run does when, in steps.

    Attributes:
        stages: in order, without gaps.
        steps_per_epoch: full batches in the training split.
        log: when to write training metrics.
        evals: when each of the run's evaluators is due, by name; the task's metrics after each of a stage's last
            epochs too.
        save: when to write a checkpoint.
    """

    stages: tuple[Stage, ...]
    steps_per_epoch: int
    log: Every
    evals: Mapping[str, Every]
    save: Every

    @property
    def total(self) -> int:
        """Number of steps once the run is done."""
        return self.stages[-1].stop

    @property
    def spans(self) -> dict[str, list[int]]:
        """[steps done before, steps done after] each stage, by name, as files hold it."""
        return {stage.name: [stage.start, stage.stop] for stage in self.stages}


def make_plan(
    config: ConfigDict, *, examples: int, before: Before = NOTHING_BEFORE, steps_per_epoch: int | None = None
) -> Plan:
    """Returns the plan of a run over `examples` training examples.

    Args:
        config: of the run.
        examples: in the training split.
        before: what steps and stages are counted on from.
        steps_per_epoch: batches in an epoch, where these are not all of `batch_size` examples; None: full batches.

    Raises:
        ConfigError: if there are too few examples to fill one batch, a schedule does not fit its stage, or a length is
            told in examples where batches differ in size.
    """
    if steps_per_epoch is None:
        if examples < config.batch_size:
            raise ConfigError(f"batch_size = {config.batch_size} is more than the {examples} training examples")
        steps_per_epoch = examples // config.batch_size
    else:
        _refuse_examples(config)

    stages: list[Stage] = []
    for index, name in enumerate(config.stages, start=before.stages):
        own = tree.stage_config(config, name)
        start = stages[-1].stop if stages else before.steps
        fades = {view: to_steps(own.views[view].fade, config, steps_per_epoch) for view in own.branches}
        length = to_steps(own.duration, config, steps_per_epoch)
        stages.append(Stage(name, index, start, start + length, own, fades, length / steps_per_epoch))
        if stages[-1].stop > _MOST_STEPS:
            raise ConfigError(
                f"duration = {own.duration!r} of stage {name!r} ends after {stages[-1].stop:.3g} steps: "
                f"the limit is {_MOST_STEPS}"
            )
    ends = tuple(stage.stop for stage in stages)
    last_epochs = tuple(
        stage.stop - epoch * steps_per_epoch
        for stage in stages
        for epoch in range(config.eval.last_epochs)
        if stage.stop - epoch * steps_per_epoch > stage.start
    )

    def every(text: str, ends: tuple[int, ...] = ends) -> Every:
        return Every(to_steps(text, config, steps_per_epoch), ends)

    flat = tree.flatten(config)
    plan = Plan(
        tuple(stages),
        steps_per_epoch,
        log=every(config.log.every),
        evals={
            name: every(flat[key], last_epochs if key == "eval.every" else ends)
            for name, key in ((name, rhythm_key(name)) for name in config.eval.evals)
        },
        save=every(config.save.every),
    )
    for stage in stages:
        _check_schedule(stage, plan)
    return plan


def _refuse_examples(config: ConfigDict) -> None:
    for name, value in tree.flatten(config).items():
        key = tree.key_of(name)
        texts = value if key.kind == "durations" else (value,) if key.kind == "duration" else ()
        if any(durations.parse(text).unit == "examples" for text in texts):
            raise ConfigError(f"{name} = {value!r}: batches differ in size, so give steps or epochs")


def schedule_span(stage: Stage, plan: Plan) -> tuple[int, int]:
    """Returns the steps (from, to) that the schedule of a stage is laid out over."""
    return (stage.start, stage.stop) if stage.config.schedule.span == "stage" else (0, plan.total)


def _check_schedule(stage: Stage, plan: Plan) -> None:
    """Refuses a warm-up or a boundary beyond the end of what the schedule spans, and boundaries out of order."""
    schedule, steps_per_epoch = stage.config.schedule, plan.steps_per_epoch
    start, stop = schedule_span(stage, plan)
    end = f"after {stage.config.duration}" if schedule.span == "stage" else f"after the run's {stop} steps"
    boundaries = [to_steps(text, stage.config, steps_per_epoch) for text in schedule.boundaries]
    if to_steps(schedule.warmup, stage.config, steps_per_epoch) > stop - start:
        raise ConfigError(f"schedule.warmup = {schedule.warmup!r} is longer than the schedule, which ends {end}")
    if boundaries != sorted(set(boundaries)) or any(boundary >= stop - start for boundary in boundaries):
        raise ConfigError(f"schedule.boundaries = {schedule.boundaries} must increase and lie before the end, {end}")


def to_steps(text: str, config: ConfigDict, steps_per_epoch: int) -> int:
    """Returns the steps of a duration such as '200 epochs'."""
    return durations.parse(text).steps(steps_per_epoch=steps_per_epoch, batch_size=config.batch_size)
