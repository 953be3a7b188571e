"""Dropped paths: a whole path through a cell is left out for an image, at random.

Sources: Larsson et al. 2017 (FractalNet, section 3); Zoph et al. 2018 (NASNet), whose rate rises as training goes on.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

Array = jax.Array


class DropPath(nn.Module):
    """Makes everything of an image 0 with a probability, and divides the rest by that of staying.

    It draws from the rng stream `dropout`, an own number for every image.
    """

    @nn.compact
    def __call__(self, x: Array, rate: Array | float) -> Array:
        """(N, ...) -> (N, ...).

        Args:
            x: float.
            rate: () in [0, 1), the probability to drop.
        """
        stays = 1.0 - jnp.asarray(rate, jnp.float32)
        kept = jax.random.bernoulli(self.make_rng("dropout"), stays, (len(x), *(1,) * (x.ndim - 1)))
        return x * jnp.where(kept, 1.0 / stays, 0.0).astype(x.dtype)
