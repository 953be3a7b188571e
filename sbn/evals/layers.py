"""The named layers of a task's network."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from sbn.config.errors import unknown
from sbn.data.examples import LabelledImages
from sbn.tasks.base import ImageTask


def layer_shapes(task: ImageTask, source: LabelledImages) -> dict[str, tuple[int, ...]]:
    """Shapes (1, K, ...) of what every layer gives, in the order of the forward pass, which jax's own dicts lose."""
    found: dict[str, tuple[int, ...]] = {}

    def trace(variables: Any, images: jax.Array) -> None:
        found.update({name: value.shape for name, value in task.activations(variables, images).items()})

    images = jax.ShapeDtypeStruct((1, *source.images.shape[1:3]), np.int32)
    jax.eval_shape(trace, jax.eval_shape(task.init, jax.random.key(0)), images)
    return found


def find_layer(shapes: Mapping[str, tuple[int, ...]], name: str | None, *, key: str) -> str:
    """Returns the layer called `name`, or the first residual block for None.

    Args:
        shapes: of all layers, in order.
        name: of one.
        key: the config key that `name` stands under.

    Raises:
        ConfigError: for a layer that the model does not have; it names the nearest.
    """
    chosen = name or next((layer for layer in shapes if "block" in layer and "/" not in layer), "")
    if chosen not in shapes:
        raise unknown(f"layer in {key}", chosen, shapes)
    return chosen
