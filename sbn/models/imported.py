"""Networks of the user's own: `model.name = 'package.module:Class'`, with its fields as `model.args.KEY`."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import nnx
from ml_collections import ConfigDict

from sbn.config import imported
from sbn.config.errors import ConfigError
from sbn.nn.branched import Branched
from sbn.nn.from_nnx import FromNnx
from sbn.nn.native import Native

# Fields that are given the number of classes, where `model.args` does not
CLASSES = ("num_classes", "n_classes", "classes")


def make_imported(config: ConfigDict, *, classes: int, branches: int, split_affine: bool, dtype: Any) -> Branched:
    """Returns a network of the user's own with its branches.

    A class or function that `model.name` names is called with `model.args`, with the number of classes if it has an
    argument of the names in `CLASSES`, and with `dtype` if it has one and `precision` is not float32. What has an
    argument `branches` takes (N, K, H, W, 3) by itself; everything else takes one view, (N, H, W, 3). An attribute
    `per_branch` of the module, as in `per_branch = ('*MyNorm*',)`, names further parameters with a K axis.

    What has an argument `rngs` is a module of flax.nnx, or a function that makes one.

    Raises:
        ConfigError: one line, if it can't be imported or made, or is no Flax module.
    """
    name = config.model.name
    if config.norm.kind == "none":
        raise ConfigError(f"norm.kind = 'none' is for the built-in networks: what {name!r} normalises is its own")
    thing = imported.load(name, key="model.name")
    if of_nnx := _makes_nnx(thing):
        thing = _with_its_signature(thing, name)
    offered: dict[str, Any] = dict.fromkeys(CLASSES, classes) | ({} if of_nnx else {"branches": branches})
    if dtype != jnp.float32:
        if not imported.takes(thing).takes("dtype"):
            raise ConfigError(f"precision = {config.precision!r} needs a field dtype, which {name!r} lacks")
        offered["dtype"] = dtype
    args = dict(config.model.args)
    if of_nnx:

        def make(rngs: nnx.Rngs) -> nnx.Module:
            made = imported.call(thing, args, key="model.args", name=name, offered={**offered, "rngs": rngs})
            if not isinstance(made, nnx.Module):
                raise ConfigError(f"model.name = {name!r} makes a {type(made).__name__}, not a module of flax.nnx")
            return made

        adapted = FromNnx(make)
        return Branched(adapted, branches, split_affine, adapted.per_branch)
    network = imported.call(thing, args, key="model.args", name=name, offered=offered)
    if not isinstance(network, nn.Module):
        raise ConfigError(
            f"model.name = {name!r} makes a {type(network).__name__}, not a module of flax.linen (a function that "
            "makes one of flax.nnx has an argument rngs)"
        )
    if "branches" in {field.name for field in dataclasses.fields(network)}:
        return Native(network, branches, split_affine)
    return Branched(network, branches, split_affine, getattr(network, "per_branch", None))


def _makes_nnx(thing: Any) -> bool:
    """Whether it makes a module of flax.nnx: a class of them, or a function with an argument `rngs`."""
    if isinstance(thing, type):
        return issubclass(thing, nnx.Module)
    return callable(thing) and "rngs" in imported.takes(thing).names


def _with_its_signature(thing: Any, name: str) -> Callable[..., Any]:
    """What makes a module of flax.nnx, as a function that says what it takes: classes are called by their metaclass."""

    def build(**given: Any) -> Any:
        return thing(**given)

    own = inspect.signature(getattr(thing, "__init__") if isinstance(thing, type) else thing)  # noqa: B009
    parameters = [one for one in own.parameters.values() if one.name != "self"]
    build.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    if not imported.takes(build).takes("rngs"):
        raise ConfigError(f"model.name = {name!r} has no argument rngs: all seeds would begin with the same weights")
    return build


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
            f"model.name = {name!r} returns {shown} for 2 images, not logits of shape (2, {classes}), one per class"
        )
