"""The counter hash on JAX, bit-equal to `sbn.augment.draws` on NumPy."""

import jax
import jax.numpy as jnp

from sbn.augment import draws

JAX = draws.make_words(jnp)


def below(bits: jax.Array, n: int) -> jax.Array:
    """Returns `draws.below` as int32."""
    return draws.below(bits, n, JAX).astype(jnp.int32)
