"""Batch normalisation: of a plain network, and with one set of statistics per branch.

Sources: Merchant, Zoph, Cubuk 2020 (split BatchNorms; shared affine in Table 3); Ioffe and Szegedy 2015.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

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

        folded = x.astype(jnp.float32).reshape(examples * branches, *space, channels)
        rule = _Rule(self.momentum, self.epsilon, self.group_size, self.unbiased)
        y, *updated = _normalised(folded, (mean.value, var.value), (scale, bias), rule, train=train)
        if train and not self.is_initializing():
            mean.value, var.value = updated
        return y.reshape(x.shape).astype(self.dtype)


class BatchNorm(nn.Module):
    """BatchNorm over (N, *spatial, C), with the arithmetic and the rules of `BranchNorm` but no branches.

    Variables are those of `flax.linen.BatchNorm`: `mean`, `var`, `scale`, `bias` of shape (C,), all float32.

    Attributes:
        momentum: of the running statistics, as for `BranchNorm`; so are those that follow.
        epsilon: added to the variance.
        group_size: examples that share their statistics.
        unbiased: rule of the running variance.
        dtype: of the output.
        scale_init: initialiser of `scale`.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5
    group_size: int | None = None
    unbiased: bool = True
    dtype: Any = jnp.float32
    scale_init: Callable[..., Array] = nn.initializers.ones

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Normalises (N, *spatial, C) float, and returns as much of `dtype`; see `BranchNorm`.

        Raises:
            ValueError: `group_size` does not divide N.
        """
        channels = x.shape[-1]
        mean = self.variable("batch_stats", "mean", jnp.zeros, (channels,), jnp.float32)
        var = self.variable("batch_stats", "var", jnp.ones, (channels,), jnp.float32)
        scale = self.param("scale", self.scale_init, (channels,), jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (channels,), jnp.float32)
        rule = _Rule(self.momentum, self.epsilon, self.group_size, self.unbiased)
        running = (mean.value[None], var.value[None])
        y, new_mean, new_var = _normalised(x.astype(jnp.float32), running, (scale, bias), rule, train=train)
        if train and not self.is_initializing():
            mean.value, var.value = new_mean[0], new_var[0]
        return y.astype(self.dtype)


class _Rule(NamedTuple):
    """How statistics are taken and kept: the fields of the layers."""

    momentum: float
    epsilon: float
    group_size: int | None
    unbiased: bool


def _normalised(
    folded: Array, running: tuple[Array, Array], affine: tuple[Array, Array], rule: _Rule, *, train: bool
) -> tuple[Array, Array, Array]:
    """The normalised images, and the new running mean and variance (which are the old ones in evaluation).

    Args:
        folded: (N*K, *spatial, C) float32.
        running: mean and variance, (K, C).
        affine: scale and bias, (K, C) or (C,).
        rule: of the statistics.
        train: normalise with the batch's statistics.
    """
    (mean, var), (scale, bias) = running, affine
    branches, space = len(mean), folded.shape[1:-1]
    examples = folded.shape[0] // branches
    if train:
        groups = _group_count(examples, rule.group_size)
        # In exact arithmetic the shift changes nothing. In float32 it takes the cancellation out of
        # E[d^2] - E[d]^2 as soon as the running mean is near the batch's, at no extra pass.
        shift = jax.lax.stop_gradient(mean)
        offset, used_var = _moments(folded - _rows(shift[None], folded), groups, branches)
        used_mean = shift + offset
        count = examples // groups * math.prod(space)
        bessel = count / max(count - 1, 1) if rule.unbiased else 1.0
        keep = rule.momentum
        mean = keep * mean + (1 - keep) * used_mean.mean(0)
        var = keep * var + (1 - keep) * bessel * used_var.mean(0)
    else:
        used_mean, used_var = mean[None], var[None]
    a = scale * jax.lax.rsqrt(used_var + rule.epsilon)
    b = bias - used_mean * a
    # One multiply-add with a row an image. Subtracting the mean first would make XLA keep the difference
    # for the backward pass: half as much memory again, and time (benchmarks/train_step.py).
    return folded * _rows(a, folded) + _rows(b, folded), mean, var


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
