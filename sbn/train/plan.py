"""Every duration of a config, in steps. Nothing else converts epochs or examples."""

import dataclasses
from collections.abc import Mapping

from ml_collections import ConfigDict

from sbn.config import durations, tree
from sbn.config.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Every:
    """A rhythm of steps.

    Attributes:
        interval: steps between two times; 0 for none but the ends.
        ends: where the stages end, the run's end among them; always due.
    """

    interval: int
    ends: tuple[int, ...]

    def due(self, step: int) -> bool:
        """Whether it is due once `step` steps are done."""
        return step in self.ends or (self.interval > 0 and step % self.interval == 0)


@dataclasses.dataclass(frozen=True)
class Stage:
    """One stage of the plan: steps `start` to `stop - 1` of the run. `fades`: how long each view fades, in steps."""

    name: str
    index: int
    start: int
    stop: int
    config: ConfigDict
    fades: Mapping[str, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a run does when, in steps.

    Attributes:
        stages: in order, without gaps.
        steps_per_epoch: full batches in the training split.
        log: when to write training metrics.
        eval: when to measure accuracy.
        long_eval: when the other evaluators run.
        save: when to write a checkpoint.
    """

    stages: tuple[Stage, ...]
    steps_per_epoch: int
    log: Every
    eval: Every
    long_eval: Every
    save: Every

    @property
    def total(self) -> int:
        """Number of steps of the run."""
        return self.stages[-1].stop


def make_plan(config: ConfigDict, *, examples: int) -> Plan:
    """Returns the plan of a run over `examples` training examples.

    Raises:
        ConfigError: if there are too few examples to fill one batch.
    """
    if examples < config.batch_size:
        raise ConfigError(f"batch_size = {config.batch_size} is more than the {examples} training examples")
    steps_per_epoch = examples // config.batch_size

    stages: list[Stage] = []
    for index, name in enumerate(config.stages):
        own = tree.stage_config(config, name)
        start = stages[-1].stop if stages else 0
        _check_schedule(own, config, steps_per_epoch)
        fades = {view: to_steps(own.views[view].fade, config, steps_per_epoch) for view in own.branches}
        stages.append(Stage(name, index, start, start + to_steps(own.duration, config, steps_per_epoch), own, fades))
    ends = tuple(stage.stop for stage in stages)

    def every(text: str, ends: tuple[int, ...] = ends) -> Every:
        return Every(to_steps(text, config, steps_per_epoch), ends)

    return Plan(
        tuple(stages),
        steps_per_epoch,
        log=every(config.log.every),
        eval=every(config.eval.every),
        long_eval=every(config.eval.long_every, ends[-1:]),
        save=every(config.save.every),
    )


def _check_schedule(stage: ConfigDict, config: ConfigDict, steps_per_epoch: int) -> None:
    """Refuses a warm-up or a boundary beyond the stage's end, and boundaries out of order."""
    length = to_steps(stage.duration, config, steps_per_epoch)
    boundaries = [to_steps(text, config, steps_per_epoch) for text in stage.schedule.boundaries]
    if to_steps(stage.schedule.warmup, config, steps_per_epoch) > length:
        raise ConfigError(f"schedule.warmup = {stage.schedule.warmup!r} is longer than duration = {stage.duration!r}")
    if boundaries != sorted(set(boundaries)) or any(boundary >= length for boundary in boundaries):
        raise ConfigError(
            f"schedule.boundaries = {stage.schedule.boundaries} must rise and lie before the end, {stage.duration!r}"
        )


def to_steps(text: str, config: ConfigDict, steps_per_epoch: int) -> int:
    """Returns the steps of a duration such as '200 epochs'."""
    return durations.parse(text).steps(steps_per_epoch=steps_per_epoch, batch_size=config.batch_size)
