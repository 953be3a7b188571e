"""Object detection by Faster R-CNN, one normalisation branch for each view (He et al. 2019, Table 6)."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from sbn.augment.encoded_crops import EncodedCrop, original_boxes, split_crop
from sbn.augment.packing import FILLER
from sbn.config.errors import ConfigError
from sbn.data import eval_view
from sbn.data.batching import Batching
from sbn.data.encoded import Encoded
from sbn.data.examples import Examples, InMemory
from sbn.metrics.base import Metric
from sbn.metrics.coco_average_precision import CocoAveragePrecision, check_installed
from sbn.metrics.mean_average_precision import MeanAveragePrecision
from sbn.models.faster_rcnn import FasterRCNN
from sbn.models.network import STREAMS
from sbn.models.regions import Settings
from sbn.tasks.backbone import BackboneTask, make_backbone
from sbn.tasks.base import Arrays, Keys, Loss, StageViews, TaskData, Variables

Array = jax.Array
PARTS = ("objectness", "proposal_boxes", "classes", "boxes")  # of the loss, which are added up
NEEDED = ("image", "boxes", "box_label")


@dataclasses.dataclass(frozen=True)
class Detection(BackboneTask):
    """Finds the objects of images: where they are, and of which class.

    Its `model` holds a `FasterRCNN`.

    Attributes:
        measured: whose average precision is measured: 'voc', 'coco'.
        evaluated: what images go through before they are evaluated; None where these are the images in their files.
    """

    name: ClassVar[str] = "detection"

    measured: tuple[str, ...] = ("voc",)
    evaluated: EncodedCrop | None = None

    @property
    def targets(self) -> tuple[str, ...]:
        """Boxes, their classes, and which of them are difficult, where the data say so; for COCO's measure more."""
        more = ("box_area", "image_size") if "coco" in self.measured else ()
        known = ("boxes", "box_label", "box_difficult", *more)
        return tuple(name for name in known if name in self.data.features)

    @property
    def shapes(self) -> tuple[jax.ShapeDtypeStruct, ...]:
        """The inputs of the network, for one view of one image: the image, and where in it is no filler."""
        return (*super().shapes, jax.ShapeDtypeStruct((1, 4), jnp.float32))

    def for_stage(self, config: ConfigDict) -> "Detection":
        """Returns the task as the stage of `config` trains it."""
        network = self.model.network.clone(frozen_norm=config.norm.frozen)
        return dataclasses.replace(self, model=self.model.clone(network=network))

    def batching(self, examples: Examples, config: ConfigDict, *, multiple: int) -> Batching | None:
        """Returns the batches of a split, as `BackboneTask` says.

        Raises:
            ConfigError: if nothing is there that could be learned, or found.
        """
        if isinstance(examples, InMemory | Encoded) and not _counted(examples.arrays).any():
            raise ConfigError(
                f"data.name = {config.data.name!r}: of the {len(examples)} images of a split (train "
                f"{config.data.train_split!r}, test {config.data.test_split!r}) none contains an object that counts"
            )
        return super().batching(examples, config, multiple=multiple)

    def loss(self, variables: Variables, batch: Arrays, *, views: StageViews, numbers: Arrays, keys: Keys) -> Loss:
        """Returns the loss of a batch of views: the sum of Faster R-CNN's four, of every image and view.

        Difficult objects are not learned. An image's losses are divided by how many of its own anchors and regions were
        drawn, so that it weighs the same in any batch; the codes divide by the number in the batch, which comes to the
        same while every image fills its samples.

        Args:
            variables: of the model, all branches.
            batch: 'image' (N, K, H, W) int32 packed, or a tuple of K arrays (N, H, W) where views differ in size;
                'boxes' (N, K, B, 4), 'box_label' (N, B), and where there are difficult objects 'box_difficult' (N, B).
            views: the stage's views.
            numbers: of the step.
            keys: gives the keys of what the model draws, and of the anchors and regions that are drawn.

        Returns:
            the sum over the N examples, each of which weighs 1.
        """
        apart, targets, count = self.apart(batch), batch["targets"], len(views.names)
        labels = targets["box_label"]
        if "box_difficult" in targets:
            labels = jnp.where(targets["box_difficult"].astype(bool), -1, labels)
        truth = {
            "boxes": targets["boxes"],
            "labels": jnp.stack([labels] * count, axis=1),
            "ids": jnp.stack([batch["id"]] * count, axis=1),
        }
        found, updates = self.model.apply(
            variables,
            tuple(map(self.seen, apart)),
            jnp.stack([frame(view) for view in apart], axis=1),
            truth,
            train=True,
            through=self.through(views),
            mutable=["batch_stats"],
            rngs={stream: keys(stream) for stream in (*STREAMS, "sampling")},
        )
        losses = found if isinstance(found, dict) else {k: jnp.stack([one[k] for one in found], axis=1) for k in PARTS}
        weights = jnp.asarray(views.weights)
        sums = {part: losses[part].sum(axis=0) for part in PARTS}  # (K,) each
        by_view = jnp.stack(list(sums.values())).sum(axis=0)
        total, weight = jnp.dot(weights, by_view, precision="highest"), float(len(labels))
        metrics = {"loss": total, **{f"{name}/loss": by_view[k] for k, name in enumerate(views.names)}}
        metrics |= {f"{name}/{part}": sums[part][k] for k, name in enumerate(views.names) for part in PARTS}
        stats = updates.get("batch_stats", {})
        return Loss(total, weight, stats, {name: (value, weight) for name, value in metrics.items()})

    def outputs(self, variables: Variables, inputs: Arrays) -> Array:
        """Returns the detections of every branch in the same images, (N, K, detections, 6).

        Each is y0, x0, y1, x1 in pixels of what the network is given, score and class; score 0 where there is none.

        Args:
            variables: of the model.
            inputs: 'image' (N, H, W) int32 packed.
        """
        images = self.seen(inputs["image"])[:, None]
        frames = frame(inputs["image"])[:, None]
        found = [
            self.model.apply(variables, images, frames, train=False, through=(k,))[:, 0]
            for k in range(self.model.branches)
        ]
        return jnp.stack(found, axis=1)

    def original(self, boxes: np.ndarray, image_sizes: np.ndarray) -> np.ndarray:
        """Returns boxes (N, B, 4) in pixels of the images in their files, of boxes in what the network is given.

        Args:
            boxes: (N, B, 4), y0, x0, y1, x1.
            image_sizes: (N, 2), height and width of the images in their files.
        """
        return boxes if self.evaluated is None else original_boxes(self.evaluated, boxes, image_sizes)

    def metrics(self) -> dict[str, Metric]:
        """Returns mean average precision of every branch.

        There is none of mixes: the boxes of two branches are no pairs, of which a mean could be taken.
        """
        classes, most = self.data.features["box_label"].classes, self.model.network.settings.detections
        made: dict[str, Metric] = {}
        if "voc" in self.measured:
            made["map"] = MeanAveragePrecision(self.branches, classes, self.data.test_examples, most)
        if "coco" in self.measured:
            slots = int(self.data.features["boxes"].shape[0] or 0)
            original = self.original if "image_size" in self.data.features else None
            made["coco_map"] = CocoAveragePrecision(
                self.branches, classes, self.data.test_examples, most, slots, original
            )
        return made


def _counted(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Which boxes are objects, and not difficult ones, (M, B) bool."""
    boxes = arrays["boxes"]
    there: np.ndarray = np.asarray((boxes[..., 2:] > boxes[..., :2]).all(axis=-1))
    return there & ~arrays["box_difficult"].astype(bool) if "box_difficult" in arrays else there


def frame(pixels: Array) -> Array:
    """Returns y0, x0, y1, x1 (N, 4) of what is image in packed images (N, H, W), which filler may surround.

    `fit` puts it below and to the right; a flip after it takes it to the left.
    """
    image, edges = pixels != FILLER, []
    for axis in (2, 1):  # along rows, and along columns
        there = image.any(axis=axis)
        stop = jnp.where(there, jnp.arange(1, there.shape[1] + 1), 0).max(axis=1)
        edges.append((jnp.minimum(there.argmax(axis=1), stop), stop))
    return jnp.stack([*(start for start, _ in edges), *(stop for _, stop in edges)], axis=-1).astype(jnp.float32)


def make_detection(config: ConfigDict, data: TaskData) -> Detection:
    """Returns the task that `config` describes, for examples with an 'image', 'boxes' and 'box_label'.

    Raises:
        ConfigError: if the examples have no such features, or the network is no backbone.
    """
    for name in NEEDED:
        if name not in data.features:
            known = ", ".join(data.features)
            raise ConfigError(f"task = 'detection' needs examples with {name!r}; they have {known}")
    backbone, names, shared = make_backbone(config, task="detection")
    settings = Settings(
        anchor_scale=config.detection.anchor_scale,
        anchor_samples=config.detection.anchor_samples,
        proposals_before=_pair(config.detection.proposals_before, "proposals_before"),
        proposals_after=_pair(config.detection.proposals_after, "proposals_after"),
        region_samples=config.detection.region_samples,
        region_beta=config.detection.region_beta,
        aligned=config.detection.aligned,
        detections=config.detection.detections,
    )
    network: Any = FasterRCNN(
        backbone.network,
        len(data.features["box_label"].classes),
        settings,
        channels=config.detection.channels,
        hidden=config.detection.hidden,
        frozen_norm=config.norm.frozen,
        dtype=backbone.network.dtype,
    )
    measured = tuple(config.eval.average_precision)
    if "coco" in measured:
        check_installed()
    ops = eval_view.parse(config.eval.augment, name=config.data.name)
    crop = split_crop(ops) if ops and "image_size" in data.features else None
    return Detection(backbone.clone(network=network), names, data, shared, measured, crop)


def _pair(values: tuple[int, ...], name: str) -> tuple[int, int]:
    if len(values) != 2:
        raise ConfigError(f"detection.{name} = {values} has {len(values)} numbers: one of training, one of evaluation")
    return values[0], values[1]
