"""Projected gradient descent: images that a network, as it is now, gets wrong."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from sbn.augment import step_ops

Array = jax.Array


def attack(
    op: step_ops.Adversarial,
    key: Array,
    images: Array,
    *,
    loss: Callable[[Array], Array],
    mean: Sequence[float],
    std: Sequence[float],
) -> Array:
    """Returns images in the ball of `op.epsilon` / 255 around the given ones, and in [0, 1], that raise a loss.

    Args:
        op: the attack; if `op.targeted`, the loss is lowered.
        key: of the random start.
        images: (N, H, W, C) float, normalised.
        loss: of normalised images, a scalar; only the signs of its gradient matter, 0 where it is 0.
        mean: (C,) in [0, 1], what the normalisation took off.
        std: (C,) what it divided by.

    Returns:
        (N, H, W, C), normalised; no gradient flows through it.
    """
    # The ball and [0, 1] are boxes a channel, so that everything can stay normalised.
    unit = 1 / (255 * jnp.asarray(std, images.dtype))
    black, white = ((level - jnp.asarray(mean, images.dtype)) * 255 * unit for level in (0.0, 1.0))
    reach = op.epsilon * unit
    low, high = jnp.maximum(images - reach, black), jnp.minimum(images + reach, white)
    start = images
    if op.random_start:
        start = images + reach * jax.random.uniform(key, images.shape, images.dtype, -1, 1)
    stride = (-op.step if op.targeted else op.step) * unit

    def climb(_: int, x: Array) -> Array:
        return jnp.clip(x + stride * jnp.sign(jax.grad(loss)(x)), low, high)

    return jax.lax.stop_gradient(jax.lax.fori_loop(0, op.steps, climb, jnp.clip(start, low, high)))
