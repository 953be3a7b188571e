"""One step on a batch that does not fit in memory at once: part by part, gradients averaged."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from sbn.tasks.base import Arrays, Keys

# (batch, batch_stats, keys) -> (gradients, (new batch_stats, metrics))
Gradients = Callable[[Arrays, Any, Keys], tuple[Any, tuple[Any, Arrays]]]


def accumulated(
    gradients: Gradients, batch: Arrays, batch_stats: Any, keys: Keys, *, parts: int
) -> tuple[Any, Any, Arrays]:
    """Returns the mean gradients and metrics of a batch's parts, and the statistics after the last.

    Every part is normalised with statistics of its own and then moves the running ones, as a step of that size would;
    it draws anew, and meets partners within itself.

    Args:
        gradients: of one part.
        batch: arrays (N, ...), N over the devices.
        batch_stats: running statistics before the step.
        keys: of the step.
        parts: how many; divides the examples of every device.
    """

    # Examples n, n + parts, n + 2 * parts ...: so every part lies evenly over the devices, and nothing moves.
    def split(x: jax.Array) -> jax.Array:
        return jnp.moveaxis(x.reshape(len(x) // parts, parts, *x.shape[1:]), 1, 0)

    def add(carry: tuple[Any, Any], inputs: tuple[jax.Array, Arrays]) -> tuple[tuple[Any, Any], Arrays]:
        (total, stats), (number, part) = carry, inputs

        def own_keys(stream: str) -> jax.Array:
            return jax.random.fold_in(keys(stream), number)

        grads, (stats, metrics) = gradients(part, stats, own_keys)
        return (jax.tree.map(jnp.add, total, grads), stats), metrics

    whole = jax.tree.map(split, dict(batch))
    shapes = jax.eval_shape(lambda: gradients(jax.tree.map(lambda x: x[0], whole), batch_stats, keys)[0])
    nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    (total, stats), metrics = jax.lax.scan(add, (nothing, batch_stats), (jnp.arange(parts), whole))
    mean = jax.tree.map(lambda leaf: leaf / parts, total)
    return mean, stats, jax.tree.map(lambda leaf: leaf.mean(axis=0), metrics)
