"""The counter hash on JAX, bit-equal to `sbn.augment.draws` on NumPy."""

import jax
import jax.numpy as jnp

from sbn.augment import draws

JAX = draws.make_words(jnp)


def below(bits: jax.Array, n: int) -> jax.Array:
    """Returns `draws.index`."""
    return draws.index(bits, n, JAX)
