"""Config -> model: the only place where the models read config keys."""

import jax.numpy as jnp
from ml_collections import ConfigDict

from sbn.config.errors import unknown
from sbn.config.imported import is_import_path
from sbn.config.model_keys import MODEL_KEYS
from sbn.models.imported import make_imported
from sbn.models.network import Network
from sbn.models.pdarts import PDarts
from sbn.models.preact_resnet import PreActResNet
from sbn.models.resnet import CifarResNet, ImageNetResNet
from sbn.models.shake_shake import ShakeShakeNet
from sbn.models.wide_resnet import WideResNet
from sbn.nn.branched import Branched

PRECISIONS = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}
# norm.kind -> own scales and biases a branch?
NORM_KINDS = {"split": True, "split_stats": False, "none": False, "shared": True}
MODELS: dict[str, type[Network]] = {
    "wide_resnet": WideResNet,
    "preact_resnet": PreActResNet,
    "shake_shake": ShakeShakeNet,
    "cifar_resnet": CifarResNet,
    "imagenet_resnet": ImageNetResNet,
    "pdarts": PDarts,
}


def of_stage(model: Branched, config: ConfigDict) -> Branched:
    """Returns `model` with what a stage may change of it, as `config` has it in that stage; variables stay the same."""
    keys = [key for key in MODEL_KEYS if key.per_stage and config.model.name in (key.models or MODELS)]
    names = [key.name.removeprefix("model.") for key in keys]
    return model.clone(network=model.network.clone(**{name: config.model[name] for name in names}))


def make_model(config: ConfigDict, *, classes: int, branches: int) -> Branched:
    """Returns the network of a config with its branches, called as `model.apply(variables, x, train=...)`.

    `norm.kind` `'shared'` gives a model of one branch: the caller folds its K views into N
    (`nn.branches.fold`).

    Args:
        config: `model`, `norm` and `precision` are read. Of `model`, the keys that the model reads by their
            declaration; None leaves it the model's own value.
        classes: number of logits.
        branches: K, the number of views.

    Returns:
        A module from (N, K, H, W, 3) to logits (N, K, classes), with K = 1 for `'shared'`. Its `network` is the plain
        one.

    Raises:
        ValueError: unknown model name, norm kind or precision, or a network of the user's own that can't be made.
    """
    name = config.model.name
    if name not in MODELS and not is_import_path(name):
        raise unknown("model.name", name, MODELS)
    if config.norm.kind not in NORM_KINDS:
        raise unknown("norm.kind", config.norm.kind, NORM_KINDS)
    if config.precision not in PRECISIONS:
        raise unknown("precision", config.precision, PRECISIONS)
    kind = config.norm.kind
    count, split_affine, dtype = 1 if kind == "shared" else branches, NORM_KINDS[kind], PRECISIONS[config.precision]
    if is_import_path(name):
        return make_imported(config, classes=classes, branches=count, split_affine=split_affine, dtype=dtype)
    given = {
        "depth": config.model.depth,
        "width": config.model.width,
        "initialiser": config.model.initialiser,
        "shortcut": config.model.shortcut,
        "dropout": config.model.dropout,
        "drop_path": config.model.drop_path,
        "group_skips": config.model.group_skips,
        "stem_stride": config.model.stem_stride,
        "final_norm": config.model.final_norm,
        "zero_last_scale": config.model.zero_last_scale,
    }
    reads = {key.name.removeprefix("model."): key.models for key in MODEL_KEYS}
    network = MODELS[name](
        **{key: value for key, value in given.items() if value is not None and name in (reads[key] or MODELS)},
        classes=classes,
        norm="none" if kind == "none" else config.norm.layer,
        groups=config.norm.groups,
        momentum=config.norm.momentum,
        epsilon=config.norm.epsilon,
        group_size=config.norm.group_size,
        unbiased=config.norm.unbiased,
        dtype=dtype,
        remat=config.model.remat,
    )
    return Branched(network, count, split_affine)
