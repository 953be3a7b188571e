"""The words a config uses for normalisation, and the layers they mean.

`'shared'` is not among them: that is folding the branches into the batch before the model (`branches.fold`).
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from sbn.config.errors import unknown
from sbn.nn.branch_norm import BranchNorm
from sbn.nn.image_norm import ImageNorm

# kind -> own scale and bias a branch?  (None: no layer at all)
NORMS: dict[str, bool | None] = {"split": True, "split_stats": False, "none": None}

LAYERS = ("batch", "layer", "group")

NormLayer = Callable[..., nn.Module]


def make_norm(
    kind: str,
    *,
    branches: int,
    layer: str = "batch",
    groups: int = 32,
    momentum: float = 0.9,
    epsilon: float = 1e-5,
    group_size: int | None = None,
    unbiased: bool = True,
    dtype: Any = jnp.float32,
) -> NormLayer | None:
    """Returns what makes a layer, called as `norm(name=...)(x, train=train)`; None for `'none'`.

    Args:
        kind: `'split'` (own statistics, scale and bias), `'split_stats'` (own statistics, shared scale and
            bias) or `'none'`.
        branches: K.
        layer: what is normalised: `'batch'`, `'layer'` or `'group'`; the last two keep no statistics.
        groups: of channels, of `'group'`.
        momentum: of the running statistics.
        epsilon: added to variances.
        group_size: examples a statistics group.
        unbiased: rule of the running variance.
        dtype: of the output.

    Raises:
        ValueError: unknown kind or layer.
    """
    if kind not in NORMS:
        raise unknown("norm", kind, NORMS)
    if layer not in LAYERS:
        raise unknown("norm.layer", layer, LAYERS)
    split_affine = NORMS[kind]
    if split_affine is None:
        return None
    fields: dict[str, Any] = {"branches": branches, "split_affine": split_affine, "epsilon": epsilon, "dtype": dtype}
    if layer == "batch":
        fields |= {"momentum": momentum, "group_size": group_size, "unbiased": unbiased}
        return lambda **more: BranchNorm(**fields, **more)
    return lambda **more: ImageNorm(groups=groups if layer == "group" else None, **fields, **more)
