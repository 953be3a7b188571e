"""The words a config uses for normalisation layers, and the layers they mean. None of them knows about branches."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from sbn.config.errors import unknown
from sbn.nn.branch_norm import BatchNorm

LAYERS = ("batch", "layer", "group", "none")

# Called as norm(x, train=..., name=..., scale_init=...), the last if it is not ones
NormLayer = Callable[..., jax.Array]


def make_norm(
    layer: str,
    *,
    groups: int = 32,
    momentum: float = 0.9,
    epsilon: float = 1e-5,
    group_size: int | None = None,
    unbiased: bool = True,
    dtype: Any = jnp.float32,
) -> NormLayer | None:
    """Returns a function that makes a layer and applies it: `norm(x, train=..., name=...)`; None for `'none'`.

    Args:
        layer: what is normalised: `'batch'`; `'layer'` (over the channels of every position alone, as transformers and
            flax have it) or `'group'` (over space and groups of neighbouring channels), which keep no statistics;
            `'none'`.
        groups: of channels, of `'group'`; 1: the whole image.
        momentum: of the running statistics.
        epsilon: added to variances.
        group_size: examples that share statistics.
        unbiased: rule of the running variance.
        dtype: of the output. The arithmetic is float32.

    Raises:
        ValueError: unknown layer; and in use, `groups` that do not divide the channels.
    """
    if layer not in LAYERS:
        raise unknown("norm.layer", layer, LAYERS)
    # Sources: Ba, Kiros, Hinton 2016; Wu and He 2018. Flax's faster variance, E[x^2] - E[x]^2, cancels in float32.
    fields: dict[str, Any] = {"epsilon": epsilon, "dtype": dtype}

    def batch(x: jax.Array, *, train: bool, **more: Any) -> jax.Array:
        rules = {"momentum": momentum, "group_size": group_size, "unbiased": unbiased}
        return BatchNorm(**fields, **rules, **more)(x, train=train)

    def of_positions(x: jax.Array, *, train: bool, **more: Any) -> jax.Array:
        return nn.LayerNorm(**fields, use_fast_variance=False, **more)(x)

    def of_groups(x: jax.Array, *, train: bool, **more: Any) -> jax.Array:
        if x.shape[-1] % groups:
            raise ValueError(f"norm.groups = {groups} does not divide the {x.shape[-1]} channels of a layer")
        return nn.GroupNorm(num_groups=groups, **fields, use_fast_variance=False, **more)(x)

    return {"batch": batch, "layer": of_positions, "group": of_groups, "none": None}[layer]
