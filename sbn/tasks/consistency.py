"""How far the views' predictions are apart: what AugMix adds to the loss."""

import jax
import jax.numpy as jnp


def divergence(logits: jax.Array) -> jax.Array:
    """Returns the Jensen-Shannon divergence of the views' predictions of every example, (N,), in nats.

    The mixture of the K predictions is clipped to [1e-7, 1], as in AugMix's code (Hendrycks et al. 2020, section 3).

    Args:
        logits: (N, K, classes).
    """
    log_p = jax.nn.log_softmax(logits)
    mixture = jnp.log(jnp.clip(jnp.exp(log_p).mean(axis=1, keepdims=True), 1e-7, 1.0))
    return (jnp.exp(log_p) * (log_p - mixture)).sum(axis=-1).mean(axis=1)
