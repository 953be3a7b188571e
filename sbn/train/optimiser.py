"""SGD as the papers train with it, and its learning-rate schedules."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from sbn.config.errors import ConfigError
from sbn.nn import branches
from sbn.train.plan import Plan, Stage, schedule_span, to_steps

Schedule = Callable[[jax.Array], jax.Array]


def make_optimiser(stage: Stage, schedule: Schedule) -> optax.GradientTransformation:
    """Returns coupled weight decay, clipping, SGD with momentum, and rates of their own for scales and biases.

    The TF AutoAugment code adds weight decay to the loss and clips the sum's gradient. The state has the same form
    for every stage, so that momentum carries over. PyTorch's and TF's Nesterov form is optax's. A factor on the
    updates is one on the learning rate: momentum sums gradients.
    """
    optim = stage.config.optim
    if optim.name != "sgd" or optim.args:
        raise ConfigError(f"optim.name = {optim.name!r} can not be used yet")

    def own_rates(updates: Any) -> Any:
        return jax.tree_util.tree_map_with_path(
            lambda path, u: u * optim.affine_lr_factor if path[-1].key in branches.AFFINE else u, updates
        )

    def decayed(params: Any) -> Any:
        return jax.tree_util.tree_map_with_path(
            lambda path, _: optim.decay_norm or not is_norm_leaf(path, params), params
        )

    return optax.chain(
        optax.add_decayed_weights(optim.weight_decay, mask=decayed),
        optax.clip_by_global_norm(optim.clip_norm) if optim.clip_norm is not None else optax.identity(),
        optax.sgd(schedule, momentum=optim.momentum, nesterov=optim.nesterov),
        optax.stateless(lambda updates, params: own_rates(updates)),
    )


def is_norm_leaf(path: tuple[Any, ...], params: Any) -> bool:
    """Whether a parameter is the scale or bias of a normalisation layer, a module with a scale, or a Fixup scalar."""
    node = params
    for key in path[:-1]:
        node = node[key.key]
    return "scale" in node or node[path[-1].key].ndim == 0


def make_schedule(stage: Stage, plan: Plan) -> Schedule:
    """Returns the learning rate of a stage as a function of the number of steps done, those before the stage included.

    It knows nothing of the other stages, unless it spans them: a stage is one program, whichever run it stands in.
    """
    config, (start, stop) = stage.config, schedule_span(stage, plan)
    peak, kind, length = config.optim.lr, config.schedule.kind, stop - start
    warmup = to_steps(config.schedule.warmup, config, plan.steps_per_epoch)
    boundaries = [to_steps(text, config, plan.steps_per_epoch) for text in config.schedule.boundaries]

    if kind not in ("cosine", "step", "constant") or config.schedule.args:
        raise ConfigError(f"schedule.kind = {kind!r} can not be used yet")

    def schedule(count: jax.Array) -> jax.Array:
        step = jnp.asarray(count - start, jnp.float32)
        rate = jnp.full((), peak, jnp.float32)
        if kind == "cosine":
            # step t of T counts from 1, so that the last step has rate 0 (TF AutoAugment code)
            progress = jnp.clip((step + 1 - warmup) / max(length - warmup, 1), 0.0, 1.0)
            rate = 0.5 * peak * (1 + jnp.cos(jnp.pi * progress))
        for boundary in boundaries:
            rate = jnp.where(step >= boundary, rate * config.schedule.factor, rate)
        return jnp.where(step < warmup, peak * (step + 1) / max(warmup, 1), rate)

    return schedule
