"""The state of training: everything that a step reads and changes; with the average of the weights, where one is kept.

The average (`optim.ema`) is an exponential moving average of the weights and running statistics, beside those that are
trained.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from sbn.config.errors import ConfigError, unknown
from sbn.models.network import draw_weights
from sbn.nn import branches
from sbn.tasks.base import Task, Variables, stream_key

PLAIN, AVERAGED = "plain", "ema"
WEIGHTS = (PLAIN, AVERAGED)

# Evaluators of the task's own metrics: training measures the averaged weights by these alone, at little cost
MEASURED = ("accuracy", "metrics")


def start_average(variables: Variables) -> Variables:
    """Returns the average before the first step: a copy, as a step donates both."""
    return jax.tree.map(lambda leaf: jnp.array(leaf, copy=True), dict(variables))


def update_average(
    average: Variables,
    variables: Variables,
    *,
    step: jax.Array,
    decay: float,
    trained: Sequence[int] | None,
    layout: branches.Layout | None = None,
) -> Variables:
    """Returns decay * average + (1 - decay) * variables, running statistics included, as timm's ModelEma has it.

    While fewer than some ten times 1 / (1 - decay) steps are done the decay is (1 + step) / (10 + step), or what was
    there before the first step would weigh for long (TensorFlow's ExponentialMovingAverage with num_updates).

    Args:
        average: {'params', 'batch_stats'} so far.
        variables: after the step.
        step: () int32, steps done before it.
        decay: share of the old average that is kept at a step, once warmed up.
        trained: the branches that the step trains; the average of the others stays as it is. None: all.
        layout: the leaves with a K axis, where the task knows.
    """
    warm = jnp.minimum(jnp.float32(decay), (1.0 + step) / (10.0 + step))
    moved = jax.tree.map(lambda old, new: old + (1 - warm).astype(old.dtype) * (new - old), average, dict(variables))
    if trained is None:
        return moved
    own = branches.take_branches(moved, trained, layout=layout)
    return branches.put_branches(average, own, trained, layout=layout)


def of_average(scalars: Mapping[str, float]) -> dict[str, float]:
    """Returns what averaged weights measured, by names that say so: 'test_ema/main/loss' for 'test/main/loss'."""
    parts = {name: name.partition("/") for name in scalars if not name.startswith("time/")}
    return {f"{split}_{AVERAGED}{slash}{rest}": scalars[name] for name, (split, slash, rest) in parts.items()}


class TrainState(NamedTuple):
    """What a checkpoint holds. `step` counts the steps done; `ema` are averaged variables, None without `optim.ema`."""

    step: jax.Array
    params: Any
    batch_stats: Any
    opt_state: Any
    ema: Any = None

    @property
    def variables(self) -> dict[str, Any]:
        """What a model is applied with."""
        return {"params": self.params, "batch_stats": self.batch_stats}

    def weights(self, which: str) -> dict[str, Any]:
        """The variables as they are trained, 'plain', or averaged, 'ema'.

        Raises:
            ConfigError: if no average was kept.
        """
        if which not in WEIGHTS:
            raise unknown("weights", which, WEIGHTS)
        if which == AVERAGED and self.ema is None:
            raise ConfigError("no averaged weights ('ema'): the run was trained without optim.ema")
        return self.variables if which == PLAIN else self.ema


def init_state(
    task: Task, optimiser: optax.GradientTransformation, *, seed: int, ema: float | None = None
) -> TrainState:
    """Returns the state before the first step; with an average of the variables where `ema` is its decay.

    Raises:
        ConfigError: if the task has other variables than params and batch_stats: no step would change them.
    """
    variables = {"batch_stats": {}, **draw_weights(task.init, stream_key(seed, "init"))}
    if odd := sorted(set(variables) - set(branches.COLLECTIONS)):
        raise ConfigError(
            f"the task {type(task).__name__} has variables in {odd[0]!r}: only "
            f"{' and '.join(branches.COLLECTIONS)} are carried through training"
        )
    average = None if ema is None else start_average(variables)
    # Copies: an optimiser may keep the first parameters themselves, and a step donates both.
    opt_state = jax.tree.map(lambda leaf: jnp.array(leaf, copy=True), optimiser.init(variables["params"]))
    return TrainState(jnp.zeros((), jnp.int32), variables["params"], variables["batch_stats"], opt_state, average)
