"""Networks of the user's own: `model.name = 'package.module:Class'`, with its fields as `model.args.KEY`."""

import dataclasses
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from sbn.config import imported
from sbn.config.errors import ConfigError
from sbn.nn.branched import Branched
from sbn.nn.native import Native

# Fields that are given the number of classes, where `model.args` does not
CLASSES = ("num_classes", "n_classes", "classes")


def make_imported(config: ConfigDict, *, classes: int, branches: int, split_affine: bool, dtype: Any) -> Branched:
    """Returns a network of the user's own with its branches.

    A class or function that `model.name` names is called with `model.args`, with the number of classes if it has an
    argument of the names in `CLASSES`, and with `dtype` if it has one and `precision` is not float32. What has an
    argument `branches` takes (N, K, H, W, 3) by itself; everything else takes one view, (N, H, W, 3). An attribute
    `per_branch` of the module, as in `per_branch = ('*MyNorm*',)`, names further parameters with a K axis.

    Raises:
        ConfigError: one line, if it can't be imported or made, or is no Flax linen module.
    """
    name = config.model.name
    if config.norm.kind == "none":
        raise ConfigError(f"norm.kind = 'none' is for the built-in networks: what {name!r} normalises is its own")
    thing = imported.load(name, key="model.name")
    offered: dict[str, Any] = {**dict.fromkeys(CLASSES, classes), "branches": branches}
    if dtype != jnp.float32:
        if not imported.takes(thing).takes("dtype"):
            raise ConfigError(f"precision = {config.precision!r} needs a field dtype, which {name!r} lacks")
        offered["dtype"] = dtype
    network = imported.call(thing, dict(config.model.args), key="model.args", name=name, offered=offered)
    if not isinstance(network, nn.Module):
        raise ConfigError(f"model.name = {name!r} makes a {type(network).__name__}, not a module of flax.linen")
    if "branches" in {field.name for field in dataclasses.fields(network)}:
        return Native(network, branches, split_affine)
    return Branched(network, branches, split_affine, getattr(network, "per_branch", None))


def check_imported(model: Branched, name: str, *, classes: int, image_size: tuple[int, int]) -> None:
    """Raises a one-line `ConfigError` unless images of this size become logits, without compiling anything.

    Args:
        model: made by `make_imported`.
        name: as the config has it.
        classes: number of logits.
        image_size: (H, W) of the images that are evaluated.
    """
    images, key = jax.ShapeDtypeStruct((2, 1, *image_size, 3), jnp.float32), jax.random.key(0)

    def logits(x: jax.Array) -> Any:
        return model.init_with_output({"params": key}, x, train=False, through=(0,))[0]

    try:
        made = jax.eval_shape(logits, images)
    except Exception as error:
        raise ConfigError(f"model.name = {name!r}: {imported.reason(error)}") from None
    found = getattr(made, "shape", None)
    if found != (2, 1, classes):
        shown = type(made).__name__ if found is None else f"shape {(found[0], *found[2:])}"
        raise ConfigError(
            f"model.name = {name!r} makes {shown} of 2 images, not logits (2, {classes}): one number for each class"
        )
