"""One step on a batch that does not fit in memory at once: part by part, gradients and weights added up."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from sbn.tasks.base import Arrays, Keys, Loss

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
