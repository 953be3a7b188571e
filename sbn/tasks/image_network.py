"""A network of branches on images, at rest: what every branch makes of the same images."""

import dataclasses
import functools
import inspect
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from sbn.data.pixels import normalise, standardise
from sbn.models.network import Tap, init_variables, no_tap
from sbn.nn.branched import Branched
from sbn.nn.branches import Layout
from sbn.nn.native import Native
from sbn.tasks import passes
from sbn.tasks.base import Arrays, Variables


@dataclasses.dataclass(frozen=True)
class ImageNetwork:
    """What a task on images has before anything is learned: the network, and what evaluators and analyses ask of it.

    Attributes:
        model: maps (N, K, H, W, 3) float to outputs (N, K, ...).
        branches: names of the model's K branches.
        image_size: (H, W) in pixels.
        mean: (3,) of the training images, in [0, 1].
        std: (3,) of the training images, in [0, 1].
    """

    model: Branched
    branches: tuple[str, ...]
    image_size: tuple[int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @functools.cached_property
    def layout(self) -> Layout:
        """The leaves of the variables that have a K axis."""
        return passes.layout(self.model, self.image_size)

    @property
    def cannot(self) -> Mapping[str, str]:
        """What analyses can't have of this network, with the reason."""
        reasons = {}
        if "tap" not in inspect.signature(type(self.model.network).__call__).parameters:
            reasons["features"] = "its __call__ takes no tap, which would be given the pooled features"
        if isinstance(self.model, Native):
            reasons["activations"] = "its layers see all views at once"
        return reasons

    def init(self, key: jax.Array) -> Variables:
        """Returns fresh variables: {'params', 'batch_stats'}."""
        return init_variables(self.model, key, image_size=self.image_size)

    def outputs(self, variables: Variables, inputs: Arrays) -> jax.Array:
        """Returns the logits of every branch for the same images.

        One branch after the other, as plain networks: on CPUs that takes 1.6 to 1.9 times one branch, where both at
        once take 2.1 to 2.8 (`benchmarks/evaluation.py`), and half the memory.

        Args:
            variables: of the model.
            inputs: 'image' (N, H, W) int32, packed.

        Returns:
            (N, K, classes) float32.
        """
        return self._logits(variables, normalise(inputs["image"], mean=self.mean, std=self.std))

    def predict_floats(self, variables: Variables, images: jax.Array) -> jax.Array:
        """Returns the logits of every branch for the same images, (N, K, classes) float32.

        Args:
            variables: of the model.
            images: (N, H, W, 3) float in [0, 1].
        """
        return self._logits(variables, standardise(images, mean=self.mean, std=self.std))

    def features(self, variables: Variables, images: jax.Array) -> jax.Array:
        """Returns the pooled activations, which the last layer is given, of every branch for the same images.

        Args:
            variables: of the model.
            images: (N, H, W) int32, packed.

        Returns:
            (N, K, C) float32.
        """
        found: list[jax.Array] = []

        def keep(name: str, x: jax.Array) -> jax.Array:
            if name == "features":
                found.append(x)
            return x

        self._logits(variables, normalise(images, mean=self.mean, std=self.std), tap=keep)
        return jnp.stack(found, axis=1)

    def activations(self, variables: Variables, images: jax.Array) -> dict[str, jax.Array]:
        """Returns what every named layer gives for the same images: within jit, only those that are used are computed.

        Args:
            variables: of the model.
            images: (N, H, W) int32, packed.

        Returns:
            by name, as in 'group1_block1/norm1', in the order of the forward pass, (N, K, ...).
        """
        return passes.layers(self.model, variables, normalise(images, mean=self.mean, std=self.std))

    def _logits(self, variables: Variables, inputs: jax.Array, *, tap: Tap = no_tap) -> jax.Array:
        return passes.all_branches(self.model, variables, inputs, tap=tap)
