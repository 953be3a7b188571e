"""Fixup: what takes the place of normalisation in a residual network that has none.

Sources: Zhang, Dauphin, Ma 2019 (Fixup initialization, section 3 and Figure 1); its code for where the scalars stand.
"""

import flax.linen as nn
import jax

Array = jax.Array


class Shift(nn.Module):
    """Adds one learned number, 0 at first, to everything. All branches share it."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """x: (...) float of any shape and type."""
        return x + self.param("bias", nn.initializers.zeros, ()).astype(x.dtype)


class Multiplier(nn.Module):
    """Multiplies everything by one learned number, 1 at first. All branches share it."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """x: (...) float of any shape and type."""
        return x * self.param("scale", nn.initializers.ones, ()).astype(x.dtype)


def gains(blocks: int, convolutions: int) -> tuple[float, ...]:
    """Factors on the initial kernels of a residual branch's m `convolutions`, in a network of L `blocks`.

    The last starts at 0, the others are multiplied by L^(-1/(2m-2)): a step of gradient descent then changes the
    network by as much whatever its depth.

    Raises:
        ValueError: fewer than two convolutions, for which there is no rule.
    """
    if convolutions < 2:
        raise ValueError(f"{convolutions} convolutions in a residual branch: Fixup's rule is for two or more")
    return (*[blocks ** (-1 / (2 * convolutions - 2))] * (convolutions - 1), 0.0)
