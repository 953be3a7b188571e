"""Config -> model: the only place where the models read config keys."""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from ml_collections import ConfigDict

from sbn.config.errors import unknown
from sbn.models.wide_resnet import WideResNet
from sbn.nn.norms import NORMS

PRECISIONS = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}
NORM_KINDS = (*NORMS, "shared")


def make_model(config: ConfigDict, *, classes: int, branches: int) -> nn.Module:
    """Returns the model of a config, called as `model.apply(variables, x, train=...)`.

    `norm.kind` `'shared'` gives a model of one branch: the caller folds its K views into N
    (`nn.branches.fold`).

    Args:
        config: `model`, `norm` and `precision` are read.
        classes: number of logits.
        branches: K, the number of views.

    Returns:
        A module from (N, K, H, W, 3) to logits (N, K, classes), with K = 1 for `'shared'`.

    Raises:
        ValueError: unknown model name, norm kind or precision.
    """
    if config.model.name not in MODELS:
        raise unknown("model.name", config.model.name, MODELS)
    if config.norm.kind not in NORM_KINDS:
        raise unknown("norm.kind", config.norm.kind, NORM_KINDS)
    if config.precision not in PRECISIONS:
        raise unknown("precision", config.precision, PRECISIONS)
    return MODELS[config.model.name](config, classes=classes, branches=branches)


def _wide_resnet(config: ConfigDict, *, classes: int, branches: int) -> nn.Module:
    shared = config.norm.kind == "shared"
    return WideResNet(
        depth=config.model.depth,
        width=config.model.width,
        classes=classes,
        branches=1 if shared else branches,
        norm="split" if shared else config.norm.kind,
        dropout=config.model.dropout,
        shortcut=config.model.shortcut,
        group_skips=config.model.group_skips,
        momentum=config.norm.momentum,
        epsilon=config.norm.epsilon,
        group_size=config.norm.group_size,
        unbiased=config.norm.unbiased,
        dtype=PRECISIONS[config.precision],
    )


MODELS: dict[str, Callable[..., nn.Module]] = {"wide_resnet": _wide_resnet}
