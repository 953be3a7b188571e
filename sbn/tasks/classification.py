"""Image classification with one normalisation branch a view."""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from sbn.augment.step_ops import Adversarial, ManifoldMixup
from sbn.config import tree
from sbn.config.errors import ConfigError, unknown
from sbn.config.imported import is_import_path
from sbn.data.pixels import normalise
from sbn.metrics.accuracy import Accuracy
from sbn.models import make_model, of_stage
from sbn.models.imported import check_imported
from sbn.nn.native import Native
from sbn.tasks import passes
from sbn.tasks.base import Arrays, Keys, Loss, StageViews, TaskData, Variables
from sbn.tasks.image_network import ImageNetwork
from sbn.tasks.mixing import Mixed, make_attack, mix_views


@dataclasses.dataclass(frozen=True)
class Classification(ImageNetwork):
    """Softmax classification: cross-entropy a view, averaged by the views' weights (Split BatchNorms, Algorithm 1).

    Attributes:
        shared: whether all views go through the model's single branch, those of one size as one batch.
        apart: whether every view goes through the model on its own, one after the other.
        classes: number of classes, which the model gives logits of.
        label_smoothing: share of the label spread over all classes.
        consistency: weight of the Jensen-Shannon divergence between the views' predictions (AugMix).
        auxiliary: weight of the cross-entropy of each auxiliary head, of networks that have one in training.
        mix: lambdas of mixed predictions that are measured.
        average: what they average.
    """

    shared: bool
    apart: bool
    classes: int
    label_smoothing: float = 0.0
    consistency: float = 0.0
    auxiliary: float = 0.0
    mix: tuple[float, ...] = ()
    average: str = "probabilities"

    @property
    def targets(self) -> tuple[str, ...]:
        """What it learns to tell."""
        return ("label",)

    def for_stage(self, config: ConfigDict) -> "Classification":
        """Returns the task as the stage of `config` trains it: network and loss with the stage's own values."""
        return dataclasses.replace(
            self,
            model=of_stage(self.model, config),
            label_smoothing=config.loss.label_smoothing,
            consistency=config.loss.consistency,
            auxiliary=config.loss.auxiliary,
        )

    def check_views(self, views: StageViews) -> None:
        """Raises a `ConfigError` if an op of the training step asks for what the model has not."""
        for name, ops in zip(views.names, views.ops, strict=True):
            for op in ops:
                if isinstance(op, ManifoldMixup) and not self._points:
                    raise ConfigError(
                        f"views.{name}.augment: manifold_mixup mixes inside a network, at its mixing_points, which "
                        f"{type(self.model.network).__name__} has not"
                    )
                if isinstance(op, ManifoldMixup) and op.deepest >= len(self._points):
                    raise ConfigError(
                        f"views.{name}.augment: manifold_mixup(deepest) is {op.deepest}; the model's mixing points "
                        f"are 0 to {len(self._points) - 1}: {', '.join(self._points)}"
                    )
                if isinstance(op, Adversarial) and op.branch not in ("own", *self.branches):
                    raise unknown(f"branch (views.{name}.augment: adversarial)", op.branch, ("own", *self.branches))

    def loss(self, variables: Variables, batch: Arrays, *, views: StageViews, numbers: Arrays, keys: Keys) -> Loss:
        """Returns the loss of a batch of views.

        Views of one size go through the network together, those of other sizes after them, each reading and updating
        the statistics of its own branch.

        Args:
            variables: of the model, all branches.
            batch: 'image' (N, K, H, W) int32 packed, K the views of the stage, or a tuple of K arrays (N, H, W) where
                the views differ in size; 'label' (N,) int32.
            views: the stage's views.
            numbers: 'epoch', 'epochs', and where a view fades 'strength' (K,).
            keys: gives the keys of the model's `STREAMS` and of the step's ops.

        Returns:
            the sum over the N examples, each of which weighs 1. A view's accuracy is the share that its labels, before
            smoothing, give to the predicted class.
        """
        labels, stats = jax.nn.one_hot(batch["targets"]["label"], self.classes), variables["batch_stats"]
        strengths = passes.strengths(numbers, views)
        found = []
        for number, (indices, pixels) in enumerate(passes.forward_groups(batch["inputs"]["image"], apart=self.apart)):
            own = views.take(indices)
            mixed = self._mix(variables, pixels, labels, own, keys, [strengths[k] for k in indices])
            outputs, stats = passes.forward(
                self.model,
                {**variables, "batch_stats": stats},
                mixed,
                own,
                shared=self.shared,
                keys=passes.keys_of_pass(number, keys),
                numbers=numbers,
            )
            found.append((indices, (mixed.targets, *outputs)))
        soft_labels, logits, *auxiliary = passes.in_order(found)
        targets = optax.smooth_labels(soft_labels, self.label_smoothing)
        losses = optax.softmax_cross_entropy(logits, targets).sum(axis=0)  # (K,)
        predicted = logits.argmax(axis=-1)[..., None]
        correct = jnp.take_along_axis(soft_labels, predicted, axis=-1)[..., 0].sum(axis=0)
        weights = jnp.asarray(views.weights, losses.dtype)
        total = jnp.dot(losses, weights, precision="highest")
        sums: dict[str, jax.Array] = {}
        for k, name in enumerate(views.names):
            sums |= {f"{name}/loss": losses[k], f"{name}/accuracy": correct[k]}
        if self.consistency:
            sums["consistency"] = divergence(logits).sum()
            total += self.consistency * sums["consistency"]
        for head in auxiliary if self.auxiliary else ():
            own_losses = optax.softmax_cross_entropy(head, targets).sum(axis=0)
            total += self.auxiliary * jnp.dot(own_losses, weights, precision="highest")
            for k, name in enumerate(views.names):
                sums[f"{name}/auxiliary_loss"] = sums.get(f"{name}/auxiliary_loss", 0.0) + own_losses[k]
        weight = float(len(logits))
        return Loss(total, weight, stats, {name: (value, weight) for name, value in {"loss": total, **sums}.items()})

    @property
    def _points(self) -> tuple[str, ...]:
        return getattr(self.model.network, "mixing_points", ())

    def losses(
        self, variables: Variables, batch: Arrays, *, views: StageViews, numbers: Arrays, keys: Keys
    ) -> jax.Array:
        """Returns the cross-entropy of every example in every view, by the network at rest: running statistics.

        The views are those of training, with the ops of the step, which may mix inside the network; targets are theirs,
        soft where labels are mixed, and never smoothed (He et al. 2019, section 3).

        Args:
            variables: of the model, all branches.
            batch: as for `loss`.
            views: the stage's views.
            numbers: as for `loss`.
            keys: gives the keys of the step's ops.

        Returns:
            (N, K) float32.
        """
        labels = jax.nn.one_hot(batch["targets"]["label"], self.classes)
        strengths = passes.strengths(numbers, views)
        found = []
        for indices, pixels in passes.forward_groups(batch["inputs"]["image"], apart=self.apart):
            own = views.take(indices)
            mixed = self._mix(variables, pixels, labels, own, keys, [strengths[k] for k in indices])
            outputs, _ = passes.forward(self.model, variables, mixed, own, shared=self.shared, keys=None)
            found.append((indices, (optax.softmax_cross_entropy(outputs[0], mixed.targets),)))
        (losses,) = passes.in_order(found)
        return losses

    def _mix(
        self,
        variables: Variables,
        pixels: jax.Array,
        labels: jax.Array,
        views: StageViews,
        keys: Keys,
        strengths: Sequence[jax.Array | float],
    ) -> Mixed:
        """What the ops of the step make of the views of one pass, (N, views, H, W) packed."""
        attacked = passes.attacked(self.model, variables, views, branches=self.branches, keys=keys)
        return mix_views(
            normalise(pixels, mean=self.mean, std=self.std),
            labels,
            views=views,
            keys=keys,
            points=self._points,
            attack=make_attack(attacked, mean=self.mean, std=self.std),
            std=self.std,
            strengths=strengths,
        )

    def metrics(self) -> dict[str, Accuracy]:
        """Returns accuracy and loss of every branch, and of the mixes that `eval.mix` asks for."""
        return {"accuracy": Accuracy(self.branches, self.mix, self.average, top5=self.classes > 5)}


def divergence(logits: jax.Array) -> jax.Array:
    """Returns the Jensen-Shannon divergence of the views' predictions of every example, (N,), in nats.

    The mixture of the K predictions is clipped to [1e-7, 1], as in AugMix's code (Hendrycks et al. 2020, section 3).

    Args:
        logits: (N, K, classes).
    """
    log_p = jax.nn.log_softmax(logits)
    mixture = jnp.log(jnp.clip(jnp.exp(log_p).mean(axis=1, keepdims=True), 1e-7, 1.0))
    return (jnp.exp(log_p) * (log_p - mixture)).sum(axis=-1).mean(axis=1)


def make_classification(config: ConfigDict, data: TaskData) -> Classification:
    """Returns the task that `config` describes, for examples with an 'image' and a 'label'.

    Raises:
        ConfigError: if the examples have no such features.
    """
    for name in ("image", "label"):
        if name not in data.features:
            raise ConfigError(
                f"task = 'classification' needs examples with a {name!r}; they have {', '.join(data.features)}"
            )
    names, (height, width, _) = tree.branch_names(config), data.features["image"].shape
    shared = config.norm.kind in ("shared", "none")
    classes, image_size = len(data.features["label"].classes), (int(height or 0), int(width or 0))
    model = make_model(config, classes=classes, branches=len(names))
    if is_import_path(config.model.name):
        check_imported(model, config.model.name, classes=classes, image_size=image_size)
    return Classification(
        model=model,
        branches=names,
        image_size=image_size,
        mean=data.mean,
        std=data.std,
        shared=shared,
        apart=config.norm.sequential or not (shared or isinstance(model, Native)),
        classes=classes,
        label_smoothing=config.loss.label_smoothing,
        consistency=config.loss.consistency,
        auxiliary=config.loss.auxiliary,
        mix=config.eval.mix,
        average=config.eval.average,
    )
