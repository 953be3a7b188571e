"""Image classification with one normalisation branch a view."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from flax import traverse_util
from ml_collections import ConfigDict

from sbn.config import tree
from sbn.data.pixels import normalise
from sbn.models import make_model
from sbn.nn import branches
from sbn.tasks.base import Arrays, StageViews, Variables


@dataclasses.dataclass(frozen=True)
class Classification:
    """Softmax classification: cross-entropy a view, averaged by the views' weights (Split BatchNorms, Algorithm 1).

    Attributes:
        model: maps (N, K, H, W, 3) float to logits (N, K, classes).
        branches: names of the model's K branches.
        shared: whether all views go through the model's single branch as one batch.
        image_size: (H, W) in pixels.
        mean: (3,) of the training images, in [0, 1].
        std: (3,) of the training images, in [0, 1].
    """

    model: nn.Module
    branches: tuple[str, ...]
    shared: bool
    image_size: tuple[int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def init(self, key: jax.Array) -> Variables:
        """Returns fresh variables: {'params', 'batch_stats'}."""
        images = jnp.zeros((1, len(self.branches), *self.image_size, 3))
        variables = jax.jit(lambda k: self.model.init(k, images, train=False))(key)
        return {"params": variables["params"], "batch_stats": variables.get("batch_stats", {})}

    def loss(
        self, variables: Variables, batch: Arrays, *, views: StageViews, label_smoothing: float, key: jax.Array
    ) -> tuple[jax.Array, tuple[Any, Arrays]]:
        """Returns the weighted loss of a batch of views.

        Args:
            variables: of the model, all branches.
            batch: 'pixels' (N, K, H, W) int32 packed, K the views of the stage, and 'label' (N,) int32.
            views: the stage's views.
            label_smoothing: share of the label spread over all classes.
            key: for dropout.

        Returns:
            the scalar loss, and (new batch_stats, metrics by name).
        """
        images = normalise(batch["pixels"], mean=self.mean, std=self.std)
        if self.shared:  # fold K into N; statistics groups hold the same examples as before
            group = self.model.group_size
            model = self.model.clone(group_size=group and group * len(views.names))
            own, inputs = variables, branches.fold(images)
        else:
            model = self.model.clone(branches=len(views.names))
            own, inputs = branches.take_branches(variables, views.branches), images
        logits, updates = model.apply(own, inputs, train=True, mutable=["batch_stats"], rngs={"dropout": key})
        logits = logits.reshape(*images.shape[:2], -1)
        stats = updates.get("batch_stats", {})
        if not self.shared:
            stats = branches.put_branches(
                {"batch_stats": variables["batch_stats"]}, {"batch_stats": stats}, views.branches
            )["batch_stats"]

        targets = optax.smooth_labels(jax.nn.one_hot(batch["label"], logits.shape[-1]), label_smoothing)
        losses = optax.softmax_cross_entropy(logits, targets[:, None]).mean(axis=0)  # (K,)
        correct = (logits.argmax(axis=-1) == batch["label"][:, None]).mean(axis=0)
        total = jnp.dot(losses, jnp.asarray(views.weights, losses.dtype), precision="highest")
        metrics = {"loss": total}
        for k, name in enumerate(views.names):
            metrics |= {f"{name}/loss": losses[k], f"{name}/accuracy": correct[k]}
        return total, (stats, metrics)

    def predict(self, variables: Variables, images: jax.Array) -> jax.Array:
        """Returns the logits of every branch for the same images.

        One branch after the other, as plain networks: on CPUs that takes 1.6 to 1.9 times one branch, where both at
        once take 2.1 to 2.8 (`benchmarks/evaluation.py`), and half the memory.

        Args:
            variables: of the model.
            images: (N, H, W) int32, packed.

        Returns:
            (N, K, classes) float32.
        """
        inputs = normalise(images, mean=self.mean, std=self.std)[:, None]
        plain = self.model.clone(branches=1)
        alone = [branches.select_branch(variables, k) for k in range(len(self.branches))]
        return jnp.concatenate([plain.apply(own, inputs, train=False) for own in alone], axis=1)

    def activations(self, variables: Variables, images: jax.Array) -> dict[str, jax.Array]:
        """Returns what every named layer gives for the same images: within jit, only those that are used are computed.

        Args:
            variables: of the model.
            images: (N, H, W) int32, packed.

        Returns:
            by name, as in 'group1_block1/norm1', in the order of the forward pass, (N, K, ...).
        """
        inputs = branches.spread(normalise(images, mean=self.mean, std=self.std), len(self.branches))
        _, state = self.model.apply(variables, inputs, train=False, capture_intermediates=True)
        layers = traverse_util.flatten_dict(state["intermediates"], sep="/")
        return {name.removesuffix("/__call__"): outputs[0] for name, outputs in layers.items()}


def make_classification(
    config: ConfigDict, *, classes: int, image_size: tuple[int, int], mean: tuple[float, ...], std: tuple[float, ...]
) -> Classification:
    """Returns the task that `config` describes, for images of the given kind."""
    names = tree.branch_names(config)
    model = make_model(config, classes=classes, branches=len(names))
    shared = config.norm.kind in ("shared", "none")
    return Classification(model, names, shared, image_size, mean, std)  # type: ignore[arg-type]
