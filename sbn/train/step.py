"""One training step, compiled once per stage: forward and backward of all views, one update.

A batch that does not fit in memory at once is taken part by part, gradients and weights added up.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh

from sbn.config.errors import ConfigError
from sbn.nn import branches
from sbn.nn.pass_by_pass import one_at_a_time
from sbn.tasks.base import Arrays, Keys, Loss, Task, stream_key
from sbn.train import mesh as meshes
from sbn.train.feed import Prepare
from sbn.train.frozen import is_frozen, stop_gradients
from sbn.train.optimiser import make_optimiser
from sbn.train.plan import Stage
from sbn.train.schedules import Schedule
from sbn.train.state import TrainState, update_average
from sbn.train.views import stage_views

# (batch, batch_stats, keys) -> (gradients of the sum of losses, the loss)
Gradients = Callable[[Arrays, Any, Keys], tuple[Any, Loss]]


def accumulated(gradients: Gradients, batch: Arrays, batch_stats: Any, keys: Keys, *, parts: int) -> tuple[Any, Loss]:
    """Returns the gradients of a batch's parts added up, and their loss: sums, weights and metrics added up as well.

    Every part is normalised with statistics of its own and then moves the running ones, as a step of that size would;
    it draws anew, and meets partners within itself. The statistics are those after the last.

    Args:
        gradients: of one part.
        batch: a tree of arrays (N, ...), N over the devices.
        batch_stats: running statistics before the step.
        keys: of the step.
        parts: how many; divides the examples of every device.
    """

    # Examples n, n + parts, n + 2 * parts ...: so every part lies evenly over the devices, and nothing moves.
    def split(x: jax.Array) -> jax.Array:
        return jnp.moveaxis(x.reshape(len(x) // parts, parts, *x.shape[1:]), 1, 0)

    def add(carry: tuple[Any, Any], inputs: tuple[jax.Array, Arrays]) -> tuple[tuple[Any, Any], None]:
        (total, stats), (number, part) = carry, inputs

        def own_keys(stream: str) -> jax.Array:
            return jax.random.fold_in(keys(stream), number)

        sums, stats = _sums(*gradients(part, stats, own_keys))
        return (jax.tree.map(jnp.add, total, sums), stats), None

    whole = jax.tree.map(split, dict(batch))
    shapes = jax.eval_shape(lambda: _sums(*gradients(jax.tree.map(lambda x: x[0], whole), batch_stats, keys))[0])
    nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    ((grads, loss), stats), _ = jax.lax.scan(add, (nothing, batch_stats), (jnp.arange(parts), whole))
    return grads, loss._replace(batch_stats=stats)


def _sums(grads: Any, loss: Loss) -> tuple[Any, Any]:
    """What adds up over parts, and the statistics, which the next part goes on from."""
    return jax.tree.map(jnp.asarray, (grads, loss._replace(batch_stats=None))), loss.batch_stats


Metrics = Mapping[str, tuple[jax.Array, jax.Array]]
# (state, batch, numbers of the step, resident arrays) -> (new state, metrics)
Step = Callable[[TrainState, Arrays, Arrays, Arrays], tuple[TrainState, Metrics]]

# By platform, what XLA is told. Barriers hold back what a model rematerialises until the gradient is there, and a pass
# until the one before has its gradient. XLA's CPU compiler drops them, and then holds the activations of everything.
COMPILER_OPTIONS = {"cpu": {"xla_disable_hlo_passes": "cse_barrier_expander"}}


def make_step(task: Task, stage: Stage, schedule: Schedule, mesh: Mesh, *, prepare: Prepare, steps: int = 1) -> Step:
    """Returns the jitted step of a stage. It donates the state; batches are sharded over the mesh by example.

    Its arguments are the state, a batch of the stage's feed, the numbers of the step and the feed's resident arrays; of
    the last three `prepare` makes what the task takes. What is minimised is the task's sum of losses divided by their
    weight. The metrics it returns, by name (sum, weight), scalars on the device: the task's own, 'grad_norm' (before
    weight decay and clipping) and 'lr'. With `steps` above 1 it takes so many steps: batches, numbers and metrics have
    a first axis of that length.
    """
    task = task.for_stage(stage.config)
    views = stage_views(stage, task.branches)
    parts = stage.config.optim.accumulate
    known = {"epochs": stage.epochs}  # no array: a task that does not ask for it has the program it always had
    left_out = set(range(len(task.branches))) - set(views.branches)
    frozen = tuple(stage.config.optim.frozen)
    # Neither weight decay nor old momentum may move what this stage does not train: scales and biases of branches that
    # it leaves out, and what it freezes.
    layout, indices = getattr(task, "layout", None), views.branches if left_out else None
    mine = functools.partial(_trained, indices=indices, layout=layout, frozen=frozen) if left_out or frozen else None

    def step(state: TrainState, fed: Arrays, numbers: Arrays, resident: Arrays) -> tuple[TrainState, Metrics]:
        batch = prepare(fed, numbers, resident)

        def gradients(batch: Arrays, batch_stats: Any, keys: Keys) -> tuple[Any, Loss]:
            def loss(params: optax.Params) -> tuple[jax.Array, Loss]:
                variables = {"params": stop_gradients(params, frozen), "batch_stats": batch_stats}
                found = task.loss(variables, batch, views=views, numbers={**numbers, **known}, keys=keys)
                return found.sum, found

            with one_at_a_time(waits(mesh)):
                return jax.grad(loss, has_aux=True)(state.params)

        def keys(stream: str) -> jax.Array:
            return stream_key(resident["seed"], stream, state.step)

        def divisor(loss: Loss) -> jax.Array:  # a batch in which nothing counts moves nothing
            weight = jax.lax.stop_gradient(jnp.asarray(loss.weight, jnp.float32))
            return jnp.where(weight == 0, 1.0, weight)

        if parts == 1:
            sums, loss = gradients(batch, state.batch_stats, keys)
        else:
            sums, loss = accumulated(gradients, batch, state.batch_stats, keys, parts=parts)
        grads = jax.tree.map(lambda leaf: leaf / divisor(loss).astype(leaf.dtype), sums)
        # The rate is that of the run's step: an optimiser may count its own as it likes, from another run's on too.
        optimiser = make_optimiser(stage, lambda _: schedule(state.step))
        decayed = state.params if mine is None else jax.tree.map(jnp.multiply, state.params, mine(state.params))
        updates, opt_state = optimiser.update(grads, state.opt_state, decayed)
        if mine is not None:
            updates = jax.tree.map(jnp.multiply, updates, mine(updates))
        params = optax.apply_updates(state.params, updates)
        alone = {"grad_norm": (optax.tree.norm(grads), 1.0), "lr": (schedule(state.step), 1.0)}
        if taken := alone.keys() & loss.metrics.keys():  # one of the two would be lost
            raise ConfigError(f"the task's loss has a metric {min(taken)!r}, which the step has itself: rename it")
        metrics = jax.tree.map(jnp.asarray, {**loss.metrics, **alone})
        after, ema = {"params": params, "batch_stats": loss.batch_stats}, state.ema
        if ema is not None:
            decay = stage.config.optim.ema
            ema = update_average(ema, after, step=state.step, decay=decay, trained=indices, layout=layout)
        return TrainState(state.step + 1, **after, opt_state=opt_state, ema=ema), metrics

    platform = mesh.devices.flat[0].platform

    def several(state: TrainState, fed: Arrays, numbers: Arrays, resident: Arrays) -> tuple[TrainState, Metrics]:
        # XLA's CPU compiler makes slow convolutions inside of loops.
        return jax.lax.scan(lambda now, one: step(now, *one, resident), state, (fed, numbers), unroll=platform == "cpu")

    whole = meshes.replicated(mesh)
    return jax.jit(
        step if steps == 1 else several,
        in_shardings=(whole, meshes.over_data(mesh, axis=int(steps > 1)), whole, whole),
        out_shardings=whole,
        donate_argnums=0,
        compiler_options=COMPILER_OPTIONS.get(platform),
    )


def waits(mesh: Mesh) -> bool:
    """Returns whether a pass of a step waits for the gradient of the one before: not where GPUs share a batch.

    There it saves a thirtieth of the temporary memory, and takes twice as many exchanges (benchmarks/README.md).
    """
    return mesh.devices.size == 1 or mesh.devices.flat[0].platform in ("cpu", "tpu")


def _trained(
    params: Any, *, indices: tuple[int, ...] | None, layout: branches.Layout | None, frozen: tuple[str, ...]
) -> Any:
    """1 for every parameter that a stage of the branches `indices` (None: all) trains, 0 for the others."""
    ones = {"params": jax.tree.map(jnp.ones_like, params)}
    if indices is not None:
        own = branches.take_branches(ones, indices, layout=layout)
        zeros = {"params": jax.tree.map(jnp.zeros_like, params)}
        ones = branches.put_branches(zeros, own, indices, layout=layout)
    return jax.tree.map(lambda one, held: one * (not held), dict(ones["params"]), is_frozen(params, frozen))
