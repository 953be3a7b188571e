"""An exported network for programs without this package: its arrays as safetensors, or all of it as StableHLO."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util
from jax import export as jax_export
from ml_collections import ConfigDict

from sbn.config.errors import ConfigError, unknown
from sbn.data.pixels import normalise_colours
from sbn.models import make_model
from sbn.runs.content import first_line
from sbn.tasks.base import Variables
from sbn.tasks.exported import evaluated_size
from sbn.tasks.plain import Plain

FILES: Final = {"safetensors": "variables.safetensors", "stablehlo": "network.stablehlo"}
PLATFORMS: Final = ("cpu", "cuda", "tpu")


def check(formats: Sequence[str]) -> None:
    """Checks the names of formats.

    Raises:
        ConfigError: for a name that is not in `FILES`.
    """
    for name in formats:
        if name not in FILES:
            raise unknown("value of --also", name, FILES)


def content(
    name: str, config: ConfigDict, recorded: Mapping[str, Any] | None, variables: Variables, about: Mapping[str, Any]
) -> bytes:
    """Returns one branch of a run in a format of `FILES`.

    Args:
        name: of the format.
        config: of the run.
        recorded: what its data.json holds.
        variables: of the branch alone.
        about: what `model.json` holds.

    Raises:
        ConfigError: if the network can't be written in that format.
    """
    if name == "safetensors":
        return safetensors(variables, about)
    if config.task != "classification":
        raise ConfigError(f"--also=stablehlo is for runs that classify images, not for task={config.task!r}")
    network = Plain(make_model(config, classes=about["classes"], branches=1), variables, about)
    return stablehlo(network, evaluated_size(config, recorded))


def safetensors(variables: Variables, about: Mapping[str, Any]) -> bytes:
    """Returns the arrays, named as 'params/head/kernel', with `about` as JSON among the file's metadata.

    Raises:
        ConfigError: if the package safetensors is not installed.
    """
    try:
        from safetensors.numpy import save
    except ImportError:
        raise ConfigError("--also=safetensors needs a package: pip install 'sbn[export]'") from None
    flat = traverse_util.flatten_dict(dict(variables), sep="/")
    arrays = {name: np.asarray(array, order="C") for name, array in flat.items()}  # of numbers without an axis, too
    written: bytes = save(arrays, metadata={"model.json": json.dumps(about)})
    return written


def stablehlo(network: Plain, size: tuple[int, int]) -> bytes:
    """Returns the network with its weights and the normalisation of images, as `jax.export` serializes it.

    `jax.export.deserialize(content).call(images)` gives the logits (N, classes) float32 of images (N, H, W, 3) uint8,
    for any N, on all `PLATFORMS`. As with other compiled programs, the last bits of the logits depend on the compiler.

    Args:
        network: classifies images.
        size: (H, W) of the images.

    Raises:
        ConfigError: if the network can't be traced for any number of images, as some of a user's own can't.
    """
    (count,) = jax_export.symbolic_shape("n")
    images = jax.ShapeDtypeStruct((count, *size, 3), jnp.uint8)

    def logits(images: jax.Array) -> jax.Array:
        inputs = normalise_colours(images, mean=network.about["mean"], std=network.about["std"])
        return network.model.apply(network.variables, inputs[:, None], train=False)[:, 0]

    try:
        exported = jax_export.export(jax.jit(logits), platforms=PLATFORMS)(images)
    except Exception as error:  # the network's own code, and what can't be lowered
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise ConfigError(
            f"--also=stablehlo: {network.about['config']['model.name']!r} can't be written ({reason})"
        ) from error
    return bytes(exported.serialize())
