"""What the training loop and the evaluators ask of a task: initial variables, a loss, predictions."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

import jax

Variables = dict[str, Any]
Arrays = Mapping[str, jax.Array]


@dataclasses.dataclass(frozen=True)
class StageViews:
    """The views a stage trains on, in the order of the K axis of its batches.

    Attributes:
        names: of the views.
        weights: of their losses.
        branches: index of the branch that each goes through.
    """

    names: tuple[str, ...]
    weights: tuple[float, ...]
    branches: tuple[int, ...]


class Task(Protocol):
    """A kind of experiment."""

    @property
    def branches(self) -> tuple[str, ...]:
        """Names of the model's K branches."""
        ...

    def init(self, key: jax.Array) -> Variables:
        """Returns fresh variables: {'params', 'batch_stats'}."""
        ...

    def loss(
        self, variables: Variables, batch: Arrays, *, views: StageViews, label_smoothing: float, key: jax.Array
    ) -> tuple[jax.Array, tuple[Any, Arrays]]:
        """Returns the loss of a batch, and with it the new batch_stats and scalar metrics by name."""
        ...

    def predict(self, variables: Variables, images: jax.Array) -> jax.Array:
        """Returns the outputs of every branch for the same images, (N, K, ...)."""
        ...

    def activations(self, variables: Variables, images: jax.Array) -> dict[str, jax.Array]:
        """Returns what every named layer gives for the same images, (N, K, ...), in the order of the forward pass."""
        ...
