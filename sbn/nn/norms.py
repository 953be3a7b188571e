"""The words a config uses for normalisation, and the layers they mean.

`'shared'` is not among them: that is folding the branches into the batch before the model (`branches.fold`).
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn

from sbn.config.errors import unknown
from sbn.nn.branch_norm import BranchNorm

# kind -> own scale and bias a branch?  (None: no layer at all)
NORMS: dict[str, bool | None] = {"split": True, "split_stats": False, "none": None}

NormLayer = Callable[..., nn.Module]


def make_norm(kind: str, *, branches: int, **fields: Any) -> NormLayer | None:
    """Returns what makes a layer, called as `layer(name=...)(x, train=train)`; None for `'none'`.

    Args:
        kind: `'split'` (own statistics, scale and bias), `'split_stats'` (own statistics, shared scale and
            bias) or `'none'`.
        branches: K.
        **fields: the other attributes of `BranchNorm` (momentum, epsilon, group_size, unbiased, dtype).

    Raises:
        ValueError: unknown kind.
    """
    if kind not in NORMS:
        raise unknown("norm", kind, NORMS)
    split_affine = NORMS[kind]
    if split_affine is None:
        return None

    def layer(**more: Any) -> nn.Module:
        return BranchNorm(branches=branches, split_affine=split_affine, **fields, **more)

    return layer
