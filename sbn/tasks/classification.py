"""Image classification with one normalisation branch a view."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, ClassVar

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
from sbn.nn.pass_by_pass import pass_by_pass
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
    targets_by_view: ClassVar[bool] = True

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
        the statistics of its own branch. Of several passes each makes its gradient before the next one begins, unless
        the loss compares views.

        Args:
            variables: of the model, all branches.
            batch: 'image' (N, K, H, W) int32 packed, K the views of the stage, or a tuple of K arrays (N, H, W) where
                the views differ in size; 'label' (N,) int32, or (N, K) where views have data of their own.
            views: the stage's views.
            numbers: 'epoch', 'epochs', and where a view fades 'strength' (K,).
            keys: gives the keys of the model's `STREAMS` and of the step's ops.

        Returns:
            the sum over the N examples, each of which weighs 1. A view's accuracy is the share that its labels, before
            smoothing, give to the predicted class.
        """
        labels = jax.nn.one_hot(batch["targets"]["label"], self.classes)
        groups = passes.forward_groups(batch["inputs"]["image"], apart=self.apart)
        strengths = passes.strengths(numbers, views)

        def forward(number: int, params: Any, stats: Any) -> tuple[tuple[jax.Array, ...], Any]:
            indices, pixels = groups[number]
            own, now = views.take(indices), {"params": params, "batch_stats": stats}
            mixed = self._mix(now, pixels, of_views(labels, indices), own, keys, [strengths[k] for k in indices])
            pass_keys = passes.keys_of_pass(number, keys)
            outputs, stats = passes.forward(
                self.model, now, mixed, own, shared=self.shared, keys=pass_keys, numbers=numbers
            )
            return (mixed.targets, *outputs), stats

        def alone(number: int, params: Any, stats: Any) -> tuple[jax.Array, tuple[Any, Any]]:
            found, stats = forward(number, params, stats)
            measured = self._measured(*found)
            return self._total(measured, views.take(groups[number][0])), (stats, measured)

        params, stats, sums = variables["params"], variables["batch_stats"], dict[str, jax.Array]()
        if self.consistency or len(groups) == 1:  # views that meet in the loss: no gradient before all passes are done
            found = []
            for number, (indices, _) in enumerate(groups):
                outputs, stats = forward(number, params, stats)
                found.append((indices, outputs))
            targets, logits, *heads = passes.in_order(found, axis=1)
            measured = self._measured(targets, logits, *heads)
            total = self._total(measured, views)
            if self.consistency:
                sums["consistency"] = divergence(logits).sum()
                total += self.consistency * sums["consistency"]
        else:
            ways = [functools.partial(alone, number) for number in range(len(groups))]
            total, (stats, parts) = pass_by_pass(ways, params, stats)
            ordered = [(indices, tuple(part.values())) for (indices, _), part in zip(groups, parts, strict=True)]
            measured = dict(zip(parts[0], passes.in_order(ordered, axis=0), strict=True))
        for k, name in enumerate(views.names):
            sums |= {f"{name}/{what}": values[k] for what, values in measured.items()}
        weight = float(len(labels))
        return Loss(total, weight, stats, {name: (value, weight) for name, value in {"loss": total, **sums}.items()})

    def _measured(self, targets: jax.Array, logits: jax.Array, *heads: jax.Array) -> dict[str, jax.Array]:
        """What is known of each of K views, summed over examples, (K,), of targets and outputs (N, K, classes)."""
        smooth = optax.smooth_labels(targets, self.label_smoothing)
        predicted = logits.argmax(axis=-1)[..., None]
        found = {
            "loss": optax.softmax_cross_entropy(logits, smooth).sum(axis=0),
            "accuracy": jnp.take_along_axis(targets, predicted, axis=-1)[..., 0].sum(axis=0),
        }
        if self.auxiliary and heads:
            found["auxiliary_loss"] = sum(optax.softmax_cross_entropy(head, smooth).sum(axis=0) for head in heads)
        return found

    def _total(self, measured: dict[str, jax.Array], views: StageViews) -> jax.Array:
        """The loss of views of which so much is known."""

        def weighted(losses: jax.Array) -> jax.Array:
            return jnp.dot(losses, jnp.asarray(views.weights, losses.dtype), precision="highest")

        total = weighted(measured["loss"])
        if "auxiliary_loss" in measured:
            total += self.auxiliary * weighted(measured["auxiliary_loss"])
        return total

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
            mixed = self._mix(variables, pixels, of_views(labels, indices), own, keys, [strengths[k] for k in indices])
            outputs, _ = passes.forward(self.model, variables, mixed, own, shared=self.shared, keys=None)
            found.append((indices, (optax.softmax_cross_entropy(outputs[0], mixed.targets),)))
        (losses,) = passes.in_order(found, axis=1)
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


def of_views(labels: jax.Array, indices: Sequence[int]) -> jax.Array:
    """Returns the labels of some views, (N, classes) where all have the same, else (N, K, classes) of these."""
    return labels if labels.ndim == 2 else labels[:, jnp.asarray(indices)]


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
