"""Batch normalisation with one set of statistics a branch: the layer that split BatchNorm is about.

Sources: Merchant, Zoph, Cubuk 2020 (split BatchNorms; shared affine in Table 3); Ioffe and Szegedy 2015.
"""

import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from sbn.nn.branches import check_axis

Array = jax.Array


class BranchNorm(nn.Module):
    """BatchNorm over (N, K, *spatial, C) that never mixes the K branches.

    Variables carry flax's own names. `batch_stats`: `mean`, `var` of shape (K, C). `params`: `scale`, `bias`
    of shape (K, C), or (C,) when `split_affine` is False. All of them are float32 whatever `dtype` is.

    Under jit with N sharded over devices the statistics are those of the whole batch (or of `group_size`
    examples), at one all-reduce a layer and direction and without moving activations.

    Attributes:
        branches: K, the number of branches; the input must have as many.
        split_affine: own scale and bias a branch (True), or one pair that all branches share.
        momentum: weight of the old running value: new = momentum * old + (1 - momentum) * batch.
        epsilon: added to the variance.
        group_size: examples that share their statistics, in order of N; must divide N. None: all of N.
            Running statistics take the mean over groups of the groups' means and variances: what replicas
            keep that normalise by themselves and average their running statistics.
        unbiased: the running variance takes n/(n-1) times the batch variance, n values a channel (the rule of
            TensorFlow's fused batch norm and of PyTorch). Normalisation itself always uses the biased one.
        dtype: of the output. The arithmetic is float32.
        scale_init: initialiser of `scale`, called with the shape of one branch, (C,).
    """

    branches: int
    split_affine: bool = True
    momentum: float = 0.9
    epsilon: float = 1e-5
    group_size: int | None = None
    unbiased: bool = True
    dtype: Any = jnp.float32
    scale_init: Callable[..., Array] = nn.initializers.ones

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Normalises each branch with its own statistics.

        Args:
            x: (N, K, *spatial, C) float.
            train: normalise with the batch's statistics and update the running ones (the caller makes
                `batch_stats` mutable); otherwise normalise with the running ones.

        Returns:
            (N, K, *spatial, C) of `dtype`.

        Raises:
            ValueError: the input has no K axis, K is not `branches`, or `group_size` does not divide N.
        """
        check_axis(x, self.branches, layer="BranchNorm")
        examples, branches, *space, channels = x.shape
        affine = (branches, channels) if self.split_affine else (channels,)
        mean = self.variable("batch_stats", "mean", jnp.zeros, (branches, channels), jnp.float32)
        var = self.variable("batch_stats", "var", jnp.ones, (branches, channels), jnp.float32)
        scale = self.param("scale", self.scale_init, affine, jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, affine, jnp.float32)

        groups = _group_count(examples, self.group_size) if train else 1
        folded = x.astype(jnp.float32).reshape(examples * branches, *space, channels)
        if train:
            # In exact arithmetic the shift changes nothing. In float32 it takes the cancellation out of
            # E[d^2] - E[d]^2 as soon as the running mean is near the batch's, at no extra pass.
            shift = jax.lax.stop_gradient(mean.value)
            offset, used_var = _moments(folded - _rows(shift[None], folded), groups, branches)
            used_mean = shift + offset
            if not self.is_initializing():
                count = examples // groups * math.prod(space)
                bessel = count / max(count - 1, 1) if self.unbiased else 1.0
                keep = self.momentum
                mean.value = keep * mean.value + (1 - keep) * used_mean.mean(0)
                var.value = keep * var.value + (1 - keep) * bessel * used_var.mean(0)
        else:
            used_mean, used_var = mean.value[None], var.value[None]
        a = scale * jax.lax.rsqrt(used_var + self.epsilon)
        b = bias - used_mean * a
        # One multiply-add with a row an image. Subtracting the mean first would make XLA keep the difference
        # for the backward pass: half as much memory again, and time (benchmarks/train_step.py).
        return (folded * _rows(a, folded) + _rows(b, folded)).reshape(x.shape).astype(self.dtype)


def _moments(d: Array, groups: int, branches: int) -> tuple[Array, Array]:
    """Mean and biased variance, each (G, K, C), of d: (N*K, *spatial, C) over N/G examples and space."""
    space = tuple(range(1, d.ndim - 1))
    # Means an image first: small, local to a device, and one reduction whatever the branches are.
    first, second = d.mean(space), jnp.square(d).mean(space)
    grouped = (groups, -1, branches, d.shape[-1])
    first, second = first.reshape(grouped).mean(1), second.reshape(grouped).mean(1)
    return first, jnp.maximum(second - jnp.square(first), 0.0)


def _rows(values: Array, folded: Array) -> Array:
    """Lays values (G, K, C) out against (N*K, *spatial, C): one row an image, (N*K, 1, ..., 1, C)."""
    groups, branches, channels = values.shape
    images = folded.shape[0]
    wide = jnp.broadcast_to(values[:, None], (groups, images // (groups * branches), branches, channels))
    return wide.reshape(images, *(1,) * (folded.ndim - 2), channels)


def _group_count(examples: int, group_size: int | None) -> int:
    """G, the number of statistics groups of N examples."""
    size = examples if group_size is None else group_size
    if size < 1 or examples % size:
        raise ValueError(f"group_size {group_size} does not divide the batch of {examples} examples")
    return examples // size
