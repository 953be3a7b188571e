"""Optimisers: SGD as the papers train with it, optax's by name, and functions of the user's own."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from sbn.config import imported
from sbn.config.environment import check_memory
from sbn.config.errors import ConfigError
from sbn.nn import branches
from sbn.train.frozen import check_frozen
from sbn.train.plan import Plan, Stage
from sbn.train.schedules import Schedule

# What functions call weight decay of their own, and the mask of the weights that it reaches
_DECAYS = ("weight_decay", "weight_decay_rate")
_MASKS = ("mask", "weight_decay_mask")


def make_optimiser(stage: Stage, schedule: Schedule) -> optax.GradientTransformation:
    """Returns coupled weight decay, clipping, the optimiser itself, and rates of their own for scales and biases.

    The TF AutoAugment code adds weight decay to the loss and clips the sum's gradient. An optimiser that takes weight
    decay itself ('adamw') has `optim.weight_decay` there, and no other. The state has the same form for every stage, so
    that momentum carries over. PyTorch's and TF's Nesterov form is optax's. A factor on the updates is one on the
    learning rate: momentum sums gradients.

    Args:
        stage: whose `optim` keys are read.
        schedule: learning rate by the number of steps done.

    Raises:
        ConfigError: if the optimiser can't be imported, or made with `optim.args`.
    """
    optim = stage.config.optim

    def own_rates(updates: Any) -> Any:
        return jax.tree_util.tree_map_with_path(
            lambda path, u: u * optim.affine_lr_factor if path[-1].key in branches.AFFINE else u, updates
        )

    def decayed(params: Any) -> Any:
        return jax.tree_util.tree_map_with_path(
            lambda path, _: optim.decay_norm or not is_norm_leaf(path, params), params
        )

    if optim.name == "sgd":
        inner, coupled = optax.sgd(schedule, momentum=optim.momentum, nesterov=optim.nesterov), True
    else:
        inner, coupled = _imported(optim, schedule, decayed)
    return optax.chain(
        optax.add_decayed_weights(optim.weight_decay, mask=decayed) if coupled else optax.identity(),
        optax.clip_by_global_norm(optim.clip_norm) if optim.clip_norm is not None else optax.identity(),
        inner,
        optax.stateless(lambda updates, params: own_rates(updates)),
    )


def _imported(
    optim: Any, schedule: Schedule, decayed: Callable[[Any], Any]
) -> tuple[optax.GradientTransformation, bool]:
    """An optimiser of optax's or of the user's own, and whether weight decay is to be added to its gradients."""
    name, args = optim.name, optim.args.to_dict()
    make = imported.load(name, key="optim.name") if imported.is_import_path(name) else getattr(optax, name)
    taken = imported.takes(make) if callable(make) else None
    if taken is not None and not taken.takes("learning_rate"):
        raise ConfigError(f"optim.name = {name!r} has no argument learning_rate, so it is not an optimiser")
    decay = next((own for own in _DECAYS if taken is not None and own in taken.names), None)
    mask = next((own for own in _MASKS if decay and taken is not None and own in taken.names), None)
    for own, key in (("learning_rate", "optim.lr"), (decay, "optim.weight_decay"), (mask, "optim.decay_norm")):
        if own in args:
            raise ConfigError(f"optim.args.{own} is {key} here: set that key instead")
    if decay and not mask and not optim.decay_norm:
        raise ConfigError(
            f"optim.decay_norm = False has no effect for optim.name = {name!r}, which decays all weights: give True"
        )
    known = {"learning_rate": schedule, decay: optim.weight_decay, mask: decayed}
    offered = {argument: value for argument, value in known.items() if argument}
    if taken is not None and "learning_rate" not in taken.names:  # among its **kwargs
        args = {"learning_rate": schedule, **args}
    made = imported.call(make, args, key="optim.args", name=name, offered=offered)
    if not isinstance(made, optax.GradientTransformation):
        raise ConfigError(
            f"optim.name = {name!r} gives a {type(made).__name__}: it must return an optax.GradientTransformation"
        )
    return _with_plain_keys(made), decay is None


def _with_plain_keys(optimiser: optax.GradientTransformation) -> optax.GradientTransformation:
    """The same, with the numbers in the place of random keys in its state: checkpoints hold numbers."""

    def is_key(leaf: Any) -> bool:
        return bool(jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key))

    def plain(state: Any) -> Any:
        return jax.tree.map(lambda leaf: jax.random.key_data(leaf) if is_key(leaf) else leaf, state)

    def init(params: optax.Params) -> Any:
        return plain(optimiser.init(params))

    def update(updates: Any, state: Any, params: optax.Params | None = None) -> Any:
        fresh = optimiser.init(params)  # of which compilers keep nothing: it says which numbers are keys, of which kind
        keyed = jax.tree.map(lambda of, leaf: _as_key(leaf, of) if is_key(of) else leaf, fresh, state)
        updates, after = optimiser.update(updates, keyed, params)
        return updates, plain(after)

    return optax.GradientTransformation(init, update)


def _as_key(numbers: jax.Array, like: jax.Array) -> jax.Array:
    return jax.random.wrap_key_data(numbers, impl=jax.random.key_impl(like))


def check_optimisers(plan: Plan, params: Any) -> None:
    """Checks that every stage's optimiser works on these parameters and accepts the state of the stage before.

    What a stage freezes must be there, too.

    Args:
        plan: of the run.
        params: tree of arrays, or of their shapes.

    Raises:
        ConfigError: naming the stage, and what is wrong.
    """
    forms = []
    ours = f"model.name = {plan.stages[0].config.model.name!r} of this size"
    check_memory(3 * _bytes(params), what=f"{ours}, with gradients and updates,")
    for stage in plan.stages:
        check_frozen(params, stage.config.optim.frozen)
        optimiser = make_optimiser(stage, optax.constant_schedule(stage.config.optim.lr))
        try:
            form = jax.eval_shape(optimiser.init, params)
            updates, after = jax.eval_shape(optimiser.update, params, form, params)
        except Exception as error:
            name, why = stage.config.optim.name, imported.reason(error)
            raise ConfigError(f"optim.name = {name!r} can't train this network: {why}") from None
        if jax.tree.map(jnp.shape, updates) != jax.tree.map(jnp.shape, params) or _form(after) != _form(form):
            raise ConfigError(
                f"optim.name = {stage.config.optim.name!r} returns other shapes or types than it was given"
            )
        forms.append(_form(form))
        if forms[-1] != forms[0]:
            raise ConfigError(
                f"stage {stage.name!r} can't continue with the optimiser state of stage {plan.stages[0].name!r}: "
                f"its own optim.args change what optim.name = {stage.config.optim.name!r} stores"
            )


def _bytes(leaves: Any) -> int:
    return sum(math.prod(leaf.shape) * jnp.dtype(leaf.dtype).itemsize for leaf in jax.tree.leaves(leaves))


def _form(state: Any) -> Any:
    return jax.tree.structure(state), [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(state)]


def is_norm_leaf(path: tuple[Any, ...], params: Any) -> bool:
    """Whether a parameter is the scale or bias of a normalisation layer, a module with a scale, or a Fixup scalar."""
    node = params
    for key in path[:-1]:
        node = node[key.key]
    return "scale" in node or node[path[-1].key].ndim == 0
