"""`optim.ema`: an exponential moving average of the weights and running statistics, beside those that are trained."""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp

from sbn.nn import branches
from sbn.tasks.base import Variables

PLAIN, AVERAGED = "plain", "ema"
WEIGHTS = (PLAIN, AVERAGED)

# Evaluators of the task's own metrics: training measures the averaged weights by these alone, at little cost
MEASURED = ("accuracy", "metrics")


def start(variables: Variables) -> Variables:
    """Returns the average before the first step: a copy, as a step donates both."""
    return jax.tree.map(lambda leaf: jnp.array(leaf, copy=True), dict(variables))


def update(
    average: Variables, variables: Variables, *, step: jax.Array, decay: float, trained: Sequence[int] | None
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
    """
    warm = jnp.minimum(jnp.float32(decay), (1.0 + step) / (10.0 + step))
    moved = jax.tree.map(lambda old, new: old + (1 - warm).astype(old.dtype) * (new - old), average, dict(variables))
    if trained is None:
        return moved
    return branches.put_branches(average, branches.take_branches(moved, trained), trained)


def named(scalars: Mapping[str, float]) -> dict[str, float]:
    """Returns what averaged weights measured, by names that say so: 'test_ema/main/loss' for 'test/main/loss'."""
    parts = {name: name.partition("/") for name in scalars if not name.startswith("time/")}
    return {f"{split}_{AVERAGED}{slash}{rest}": scalars[name] for name, (split, slash, rest) in parts.items()}
