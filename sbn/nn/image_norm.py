"""Layer and group normalisation: statistics of every image alone, and one scale and bias a branch.

Sources: Ba, Kiros, Hinton 2016; Wu and He 2018; Zhou et al. 2019 (Consistent Normalization, section 4.2, where any
normalisation is given one set of parameters a transform).
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from sbn.nn.branches import check_axis

Array = jax.Array


class ImageNorm(nn.Module):
    """Normalisation of (N, K, *spatial, C) that keeps no statistics: training and evaluation are the same.

    `params` are those of `BranchNorm`: `scale`, `bias` of shape (K, C), or (C,) when `split_affine` is False.

    Attributes:
        branches: K, the number of branches; the input must have as many.
        groups: equal groups of neighbouring channels that are normalised over space together (`GroupNorm`; 1 is an
            image's all). None: over the channels of every position alone, whatever the axes between (`LayerNorm` as
            transformers and `flax.linen` have it).
        split_affine: own scale and bias a branch (True), or one pair that all branches share.
        epsilon: added to the variance.
        dtype: of the output. The arithmetic is float32.
        scale_init: initialiser of `scale`, called with the shape of one branch, (C,).
    """

    branches: int
    groups: int | None = None
    split_affine: bool = True
    epsilon: float = 1e-5
    dtype: Any = jnp.float32
    scale_init: Callable[..., Array] = nn.initializers.ones

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Normalises every image with its own statistics, then scales and shifts it as its branch does.

        Args:
            x: (N, K, *spatial, C) float.
            train: makes no difference.

        Returns:
            (N, K, *spatial, C) of `dtype`.

        Raises:
            ValueError: the input has no K axis, K is not `branches`, or `groups` does not divide C.
        """
        check_axis(x, self.branches, layer="ImageNorm")
        channels = x.shape[-1]
        if self.groups is not None and channels % self.groups:
            raise ValueError(f"norm.groups = {self.groups} does not divide the {channels} channels of a layer")
        affine = (self.branches, channels) if self.split_affine else (channels,)
        scale = self.param("scale", self.scale_init, affine, jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, affine, jnp.float32)

        grouped = x.astype(jnp.float32)
        over: tuple[int, ...] = (-1,)
        if self.groups is not None:
            grouped = grouped.reshape(*x.shape[:-1], self.groups, channels // self.groups)
            over = (*range(2, x.ndim - 1), -1)
        centred = grouped - grouped.mean(over, keepdims=True)
        normal = centred * jax.lax.rsqrt(jnp.square(centred).mean(over, keepdims=True) + self.epsilon)
        rows = (-1, *(1,) * (x.ndim - 3), channels)  # against (K, *spatial, C)
        return (normal.reshape(x.shape) * scale.reshape(rows) + bias.reshape(rows)).astype(self.dtype)
