"""What the training loop and the evaluators ask of a task: initial variables, a loss, predictions."""

import dataclasses
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import jax
from ml_collections import ConfigDict

from sbn.augment.op import Op

Variables = dict[str, Any]
Arrays = Mapping[str, jax.Array]
# The name of a stream of random numbers -> its key at this step
Keys = Callable[[str], jax.Array]


def stream_key(seed: jax.Array | int, stream: str, step: jax.Array | int = 0) -> jax.Array:
    """Returns the key of a named stream of random numbers at a step: f(seed, stream, step), nothing consumed."""
    key = jax.random.fold_in(jax.random.key(seed), zlib.crc32(stream.encode()))
    return jax.random.fold_in(key, step)


@dataclasses.dataclass(frozen=True)
class StageViews:
    """The views a stage trains on, in the order of the K axis of its batches.

    Attributes:
        names: of the views.
        weights: of their losses.
        branches: index of the branch that each goes through.
        ops: the ops of each that run in the training step; () for none in any.
        draws: the stream of draws of each of these ops.
    """

    names: tuple[str, ...]
    weights: tuple[float, ...]
    branches: tuple[int, ...]
    ops: tuple[tuple[Op, ...], ...] = ()
    draws: tuple[tuple[int, ...], ...] = ()

    def take(self, indices: Sequence[int]) -> "StageViews":
        """Returns some of the views."""
        parts = (getattr(self, field.name) for field in dataclasses.fields(self))
        return StageViews(*(tuple(part[k] for k in indices) if part else () for part in parts))


@dataclasses.dataclass(frozen=True)
class Objective:
    """What a stage minimises, beside its views' weights.

    Attributes:
        label_smoothing: share of the label spread over all classes.
        consistency: weight of the Jensen-Shannon divergence between the views' predictions (AugMix).
    """

    label_smoothing: float = 0.0
    consistency: float = 0.0


class Task(Protocol):
    """A kind of experiment."""

    @property
    def branches(self) -> tuple[str, ...]:
        """Names of the model's K branches."""
        ...

    def for_stage(self, config: ConfigDict) -> "Task":
        """Returns the task as a stage trains it: the same variables, by the keys as they stand there."""
        ...

    def check_views(self, views: StageViews) -> None:
        """Raises a `ConfigError` if an op of the training step asks for what the model has not."""
        ...

    def init(self, key: jax.Array) -> Variables:
        """Returns fresh variables: {'params', 'batch_stats'}."""
        ...

    def loss(
        self, variables: Variables, batch: Arrays, *, views: StageViews, objective: Objective, keys: Keys
    ) -> tuple[jax.Array, tuple[Any, Arrays]]:
        """Returns the loss of a batch, and with it the new batch_stats and scalar metrics by name."""
        ...

    def losses(self, variables: Variables, batch: Arrays, *, views: StageViews, keys: Keys) -> jax.Array:
        """Returns the loss of every example in every view, (N, K), by the network at rest, as it is evaluated."""
        ...

    def predict(self, variables: Variables, images: jax.Array) -> jax.Array:
        """Returns the outputs of every branch for the same images, (N, K, ...)."""
        ...

    def features(self, variables: Variables, images: jax.Array) -> jax.Array:
        """Returns what the last layer of every branch is given for the same images, (N, K, C) float32."""
        ...

    def activations(self, variables: Variables, images: jax.Array) -> dict[str, jax.Array]:
        """Returns what every named layer gives for the same images, (N, K, ...), in the order of the forward pass."""
        ...

    def predict_floats(self, variables: Variables, images: jax.Array) -> jax.Array:
        """Returns what `predict` does, of images (N, H, W, 3) float in [0, 1]: those that evaluators disturb."""
        ...
