"""What the training loop and the evaluators ask of a task: initial variables, a loss, outputs, metrics."""

import dataclasses
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import jax
from ml_collections import ConfigDict

from sbn.augment.op import Op
from sbn.data.examples import Feature
from sbn.metrics.base import Metric

Variables = dict[str, Any]
Arrays = Mapping[str, Any]
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
class TaskData:
    """What a task is told of the data when it is made.

    Attributes:
        features: what an example holds, by name: kinds, shapes (of an image as it is evaluated) and classes.
        mean: (3,) of the training images, in [0, 1].
        std: (3,) of the training images, in [0, 1].
        test_examples: how many examples the test split has.
    """

    features: Mapping[str, Feature]
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.25, 0.25, 0.25)
    test_examples: int = 0


class Loss(NamedTuple):
    """The loss of a batch, or of a part of one: sums, so that parts add up to the whole whatever each of them weighs.

    Attributes:
        sum: () of the losses, which is differentiated; what is minimised is `sum / weight`.
        weight: () what was summed over: examples, tokens, pixels with a label.
        batch_stats: the new running statistics.
        metrics: by name, (sum, weight) of each, scalars.
    """

    sum: jax.Array
    weight: jax.Array | float
    batch_stats: Any
    metrics: Mapping[str, tuple[jax.Array, jax.Array | float]]


class Task(Protocol):
    """A kind of experiment.

    A task may also have
    `inputs`, names of the features that its network is given: by default the image, or of other examples all that are
    no targets. Of those that are targets too, training batches have one among the targets, evaluation also an input.
    `targets_by_view`, true if it takes targets (N, K, ...), which batches have where a view has data of its own.
    `layout`, the leaves of its variables with an axis of branches, as `branched(...).layout(...)` gives them: without,
    they go by the rule of `sbn.nn.branches`, which a scale of (heads, size) would fool.
    `own_sizes(examples)`, what replaces targets that evaluation sees resized (`sbn.data.own_sizes.OwnSizes`), or None.
    `batching(examples, config, multiple=...)`, which examples make a batch (`sbn.data.batching`), or None.
    """

    @property
    def branches(self) -> tuple[str, ...]:
        """Names of the model's K branches."""
        ...

    @property
    def targets(self) -> Sequence[str]:
        """Features of the data that its batches hold as targets (a mask: in the pixels)."""
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

    def loss(self, variables: Variables, batch: Arrays, *, views: StageViews, numbers: Arrays, keys: Keys) -> Loss:
        """Returns the loss of a batch; `numbers` are those of the step (`sbn.data.views.Numbers`)."""
        ...

    def outputs(self, variables: Variables, inputs: Arrays) -> Any:
        """Returns what every branch makes of the same examples, in evaluation mode: a tree of (N, K, ...).

        Args:
            variables: of the model.
            inputs: of a batch, without the axis of views: 'image' is (N, H, W) int32 packed, tokens are (N, L) int32,
                filled up with 0.
        """
        ...

    def metrics(self) -> Mapping[str, Metric]:
        """Returns what the test split is measured by, by names of one's own."""
        ...


class ImageTask(Protocol):
    """What analyses ask of a task that gives an image one label. Of a task that lacks a part of it, the analyses
    that need that part say so.

    Its outputs are scores of the classes, (N, K, classes), and a batch's targets have a 'label' (N,).
    """

    @property
    def branches(self) -> tuple[str, ...]:
        """Names of the model's K branches."""
        ...

    @property
    def classes(self) -> int:
        """Number of classes."""
        ...

    def init(self, key: jax.Array) -> Variables:
        """Returns fresh variables."""
        ...

    def outputs(self, variables: Variables, inputs: Arrays) -> jax.Array:
        """Returns the scores of the classes, (N, K, classes)."""
        ...

    def losses(
        self, variables: Variables, batch: Arrays, *, views: StageViews, numbers: Arrays, keys: Keys
    ) -> jax.Array:
        """Returns the loss of every example in every view, (N, K), in evaluation mode."""
        ...

    def features(self, variables: Variables, images: jax.Array) -> jax.Array:
        """Returns what the last layer of every branch is given for the same images, (N, K, C) float32."""
        ...

    def activations(self, variables: Variables, images: jax.Array) -> dict[str, jax.Array]:
        """Returns what every named layer gives for the same images, (N, K, ...), in the order of the forward pass."""
        ...

    def predict_floats(self, variables: Variables, images: jax.Array) -> jax.Array:
        """Returns the outputs for images (N, H, W, 3) float in [0, 1]: those that analyses disturb."""
        ...
