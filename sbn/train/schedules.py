"""Learning-rate schedules: the papers', optax's by name, and functions of the user's own."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from sbn.config import imported
from sbn.config.errors import ConfigError, unknown
from sbn.config.training_keys import SCHEDULES
from sbn.train.plan import Plan, Stage, schedule_span, to_steps

Schedule = Callable[[jax.Array], jax.Array]


def make_schedule(stage: Stage, plan: Plan) -> Schedule:
    """Returns the learning rate of a stage as a function of the number of steps done since the start of the run.

    It knows nothing of the other stages, unless it spans them: a stage is one program, whichever run it stands in.

    Raises:
        ConfigError: if an argument in `schedule.args` is not taken, or the schedule can't be made or used.
    """
    config, (start, stop) = stage.config, schedule_span(stage, plan)
    peak, kind, length = config.optim.lr, config.schedule.kind, stop - start
    args = config.schedule.args.to_dict()
    warmup = to_steps(config.schedule.warmup, config, plan.steps_per_epoch)
    first = config.schedule.warmup_lr
    if kind not in SCHEDULES:
        return _imported(kind, args, peak=peak, start=start, length=length, warmup=warmup, first=first)
    boundaries = [to_steps(text, config, plan.steps_per_epoch) for text in config.schedule.boundaries]
    power = args.pop("power", 0.9) if kind == "poly" else 1.0
    if args:
        raise unknown(f"argument of {kind} (schedule.args.ARGUMENT)", next(iter(args)), ["power"] * (kind == "poly"))
    if isinstance(power, bool) or not isinstance(power, int | float) or power < 0:
        raise ConfigError(f"schedule.args.power = {power!r} must be a number of at least 0")

    def schedule(count: jax.Array) -> jax.Array:
        step = jnp.asarray(count - start, jnp.float32)
        rate = jnp.full((), peak, jnp.float32)
        if kind == "cosine":
            # step t of T counts from 1, so that the last step has rate 0 (TF AutoAugment code)
            progress = jnp.clip((step + 1 - warmup) / max(length - warmup, 1), 0.0, 1.0)
            rate = 0.5 * peak * (1 + jnp.cos(jnp.pi * progress))
        if kind == "poly":  # step i of T counts from 0, so that the last step still learns (semseg, DeepLab)
            rate = peak * (1 - jnp.clip((step - warmup) / max(length - warmup, 1), 0.0, 1.0)) ** power
        if kind == "inverse_sqrt":  # it goes on from the end of the warm-up without a jump (fairseq)
            rate = peak * jnp.sqrt(max(warmup, 1) / jnp.maximum(step + 1, max(warmup, 1)))
        for boundary in boundaries:
            rate = jnp.where(step >= boundary, rate * config.schedule.factor, rate)
        return jnp.where(step < warmup, _rising(step, first, peak, warmup), rate)

    return schedule


def _rising(step: jax.Array, first: float, peak: float, warmup: int) -> jax.Array:
    """The learning rate of step i of a linear warm-up, which counts from 1: the last step has the peak."""
    rate: jax.Array = first + (peak - first) * (step + 1) / max(warmup, 1)
    return rate


def _imported(
    kind: str, args: Mapping[str, Any], *, peak: float, start: int, length: int, warmup: int, first: float
) -> Schedule:
    """The schedule of a function of optax's or of the user's own, which is told what the config says anyway.

    A function that has `warmup_steps` warms up itself; another one begins after the linear warm-up and has the rest of
    the steps.
    """
    make = imported.load(kind, key="schedule.kind") if imported.is_import_path(kind) else getattr(optax, kind)
    itself = "warmup_steps" in imported.takes(make).names
    before, rest = (0, length) if itself else (warmup, max(length - warmup, 1))
    offered = {
        **dict.fromkeys(("peak_value", "learning_rate"), peak),
        "init_value": first if "peak_value" in imported.takes(make).names else peak,
        **dict.fromkeys(("decay_steps", "transition_steps", "steps"), rest),
        "warmup_steps": warmup,
    }
    inner = imported.call(make, args, key="schedule.args", name=kind, offered=offered)
    if not callable(inner):
        raise ConfigError(
            f"schedule.kind = {kind!r} gives a {type(inner).__name__}: it must return a function of the step"
        )

    def schedule(count: jax.Array) -> jax.Array:
        step = jnp.asarray(count - start)
        rate = jnp.asarray(inner(jnp.maximum(step - before, 0)), jnp.float32)
        return rate if itself else jnp.where(step < before, _rising(step, first, peak, before), rate)

    try:
        rate = jax.eval_shape(schedule, jnp.zeros((), jnp.int32))
    except Exception as error:
        raise ConfigError(f"schedule.kind = {kind!r} gives no learning rate: {imported.reason(error)}") from None
    if rate.shape:
        raise ConfigError(f"schedule.kind = {kind!r} gives an array of shape {rate.shape}: it must return one number")
    return schedule
