"""One branch of a network on images, as `sbn.export` writes it: it takes images, and returns logits."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from sbn.config.errors import ConfigError
from sbn.data.pixels import normalise, pack
from sbn.nn.branched import Branched
from sbn.tasks.base import Variables


@dataclasses.dataclass(frozen=True)
class Plain:
    """A network of one branch.

    Attributes:
        model: maps (N, 1, H, W, 3) float to logits (N, 1, classes).
        variables: {'params', 'batch_stats'}.
        about: what `model.json` holds.
    """

    model: Branched
    variables: Variables
    about: Mapping[str, Any]

    def logits(self, images: np.ndarray) -> jax.Array:
        """Returns the logits (N, classes) float32 of images (N, H, W, 3) uint8, normalised here.

        Whole numbers of another type are the same, from 0 to 255.

        Raises:
            ConfigError: if they are something else.
        """
        images = np.asarray(images)
        whole = images.dtype == np.uint8 or (
            np.issubdtype(images.dtype, np.integer) and (not images.size or (images.min() >= 0 and images.max() <= 255))
        )
        if not whole or images.ndim != 4 or images.shape[-1] != 3:
            between = f", {images.min()} to {images.max()}" if images.size and images.dtype.kind in "iuf" else ""
            raise ConfigError(
                f"images must be (N, H, W, 3) whole numbers, 0 to 255, not {images.shape} {images.dtype}{between}"
            )
        return self._forward(self.variables, pack(images.astype(np.uint8)))

    @functools.cached_property
    def _forward(self) -> Callable[[Variables, np.ndarray], jax.Array]:
        def forward(variables: Variables, words: jax.Array) -> jax.Array:
            inputs = normalise(words, mean=self.about["mean"], std=self.about["std"])
            return self.model.apply(variables, inputs[:, None], train=False)[:, 0]

        return jax.jit(forward)
