"""Semantic segmentation, one normalisation branch for each view (Zhou et al. 2019, section 4.3).

The class of a pixel travels in its fourth byte (`sbn.augment.packing`): whatever moves pixels moves their classes.
"""

import dataclasses
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from sbn.config.errors import ConfigError
from sbn.data.encoded import Encoded
from sbn.data.examples import Examples
from sbn.data.own_sizes import OwnSizes
from sbn.metrics.mean_iou import MeanIoU
from sbn.models.network import STREAMS
from sbn.models.segmenter import Segmenter
from sbn.nn.tiles import by_tiles
from sbn.nn.upsample import MOST, in_bands, in_bands_at, upsample
from sbn.tasks.backbone import BackboneTask, make_backbone
from sbn.tasks.base import Arrays, Keys, Loss, StageViews, TaskData, Variables

Array = jax.Array
UNKNOWN = -1  # the class of a pixel without one


@dataclasses.dataclass(frozen=True)
class Segmentation(BackboneTask):
    """Finds the class of every pixel.

    Its `model` holds a `Segmenter`.

    Attributes:
        mask: name of the feature with the classes of pixels.
        auxiliary: weight of the auxiliary head's loss.
        align_corners: how logits are brought to the size of the image (`sbn.nn.upsample`).
        tile: side of the tiles in which larger images are evaluated; None: as they are.
        own_size: whether label images are evaluated at their own size.
    """

    name: ClassVar[str] = "segmentation"
    targets_by_view: ClassVar[bool] = True  # the mask lies in the pixels of each view

    mask: str
    auxiliary: float
    align_corners: bool
    tile: int | None = None
    own_size: bool = False

    @property
    def targets(self) -> tuple[str, ...]:
        """The mask."""
        return (self.mask,)

    def for_stage(self, config: ConfigDict) -> "Segmentation":
        """Returns the task as the stage of `config` trains it."""
        return dataclasses.replace(self, auxiliary=config.segmentation.auxiliary)

    def loss(self, variables: Variables, batch: Arrays, *, views: StageViews, numbers: Arrays, keys: Keys) -> Loss:
        """Returns the loss of a batch: of each view the mean over its pixels with a class, both heads'.

        It is one mean over all images, not one of the images' means, and a view without any such pixel adds nothing.
        Of a batch that is taken in parts (`optim.accumulate`) the parts' losses are averaged.

        Args:
            variables: of the model, all branches.
            batch: 'image' (N, K, H, W) int32 packed, or a tuple of K arrays (N, H, W) where views differ in size.
            views: the stage's views.
            numbers: of the step.
            keys: gives the keys of what the model draws.
        """
        apart = self.apart(batch)
        found, updates = self.model.apply(
            variables,
            tuple(map(self.seen, apart)),
            train=True,
            through=self.through(views),
            mutable=["batch_stats"],
            rngs={stream: keys(stream) for stream in STREAMS},
        )
        total, metrics = jnp.zeros(()), dict[str, tuple[Array, Array | float]]()
        for k, name in enumerate(views.names):
            truth = classes_of(apart[k])
            heads = [_of_view(head, k) for head in found]
            sums = [pixel_losses(logits, truth, align_corners=self.align_corners) for logits in heads]
            labelled = (truth != UNKNOWN).sum().astype(jnp.float32)
            main, auxiliary = (loss / jnp.maximum(labelled, 1) for loss in sums)
            total += views.weights[k] * (main + self.auxiliary * auxiliary)
            metrics |= {f"{name}/loss": (sums[0], labelled), f"{name}/auxiliary_loss": (sums[1], labelled)}
        return Loss(total, 1.0, updates.get("batch_stats", {}), {"loss": (total, 1.0), **metrics})

    def outputs(self, variables: Variables, inputs: Arrays) -> Array:
        """Returns the class of every pixel as every branch sees it, (N, K, H, W) uint8.

        Args:
            variables: of the model.
            inputs: 'image' (N, H, W) int32 packed; where other pixels than its own are asked for, their 'rows' (N, H')
                and 'columns' (N, W') in it (`sbn.data.own_sizes`).
        """
        images = self.seen(inputs["image"])[:, None]

        size = (images.shape[2], images.shape[3])
        places = (inputs["rows"], inputs["columns"]) if "rows" in inputs else None

        def logits(images: Array, branch: int) -> Array:
            (found,) = self.model.apply(variables, images[:, None], train=False, through=(branch,))
            first: Array = found[:, 0]
            return first

        def shares(part: Array, branch: int) -> Array:
            whole = upsample(logits(part, branch), (part.shape[1], part.shape[2]), align_corners=self.align_corners)
            return jax.nn.softmax(whole)

        def one(branch: int) -> Array:
            if self.tile is None or self.tile >= max(size):
                scores = logits(images[:, 0], branch)
            else:
                classes = len(self.data.features[self.mask].classes)
                scores = by_tiles(lambda part: shares(part, branch), images[:, 0], tile=self.tile, channels=classes)
                if places is None:  # they have the size of the images
                    return scores.argmax(axis=-1).astype(jnp.uint8)
            return predicted(scores, size, places=places, align_corners=self.align_corners)

        return jnp.stack([one(branch) for branch in range(self.model.branches)], axis=1)

    def own_sizes(self, examples: Examples) -> OwnSizes | None:
        """Returns what label images are at their own size, and where their pixels lie; None where none is resized."""
        return OwnSizes(examples, self.mask) if self.own_size and isinstance(examples, Encoded) else None

    def metrics(self) -> dict[str, MeanIoU]:
        """Returns mean intersection over union of every branch."""
        return {"iou": MeanIoU(self.branches, self.data.features[self.mask].classes, self.mask)}


def classes_of(pixels: Array) -> Array:
    """Returns the classes of packed pixels (..., H, W), int32, `UNKNOWN` where they have none."""
    mark = jax.lax.shift_right_logical(pixels, 24)
    return jnp.where((mark > 0) & (mark < 255), mark - 1, UNKNOWN)


def pixel_losses(logits: Array, truth: Array, *, align_corners: bool, most: int = MOST) -> Array:
    """Returns the sum () of the cross-entropies of all pixels with a class.

    Logits at the size of the images are made anew for the gradient, and in bands where there are many: kept, they would
    be the largest array of a step.

    Args:
        logits: (N, h, w, classes).
        truth: (N, H, W) int32, `UNKNOWN` where there is no class.
        align_corners: how logits are brought to that size.
        most: numbers in a band.
    """

    def of_band(whole: Array, own: Array) -> Array:
        losses = optax.softmax_cross_entropy_with_integer_labels(whole, jnp.maximum(own, 0))
        return jnp.where(own == UNKNOWN, 0, losses).sum()

    bands = in_bands(logits, (truth.shape[1], truth.shape[2]), align_corners=align_corners, most=most)
    return bands.each(of_band, truth).sum()


def predicted(
    logits: Array,
    size: tuple[int, int],
    *,
    align_corners: bool,
    places: tuple[Array, Array] | None = None,
    most: int = MOST,
) -> Array:
    """Returns the class of every pixel, (N, H, W) uint8, of logits (N, h, w, classes).

    Args:
        logits: of a map.
        size: (H, W) of the images that the network saw.
        align_corners: how logits are brought to that size.
        places: (N, H') and (N, W') of other pixels in these images, whose classes are asked for: (N, H', W').
        most: numbers in a band.
    """

    def of_band(whole: Array, own: Array) -> Array:
        return whole.argmax(axis=-1).astype(jnp.uint8)

    if places is None:
        bands = in_bands(logits, size, align_corners=align_corners, most=most)
    else:
        bands = in_bands_at(logits, *places, size, align_corners=align_corners, most=most)
        size = (places[0].shape[1], places[1].shape[1])
    found = bands.each(of_band, jnp.zeros((len(logits), *size), jnp.int8))  # (B, N, b, W)
    return jnp.moveaxis(found, 0, 1).reshape(len(logits), -1, size[1])[:, : size[0]]


def _of_view(outputs: Any, view: int) -> Array:
    """What one view gave: of (N, K, ...), or of a tuple of K where views differ in size."""
    found: Array = outputs[view] if isinstance(outputs, tuple) else outputs[:, view]
    return found


def make_segmentation(config: ConfigDict, data: TaskData) -> Segmentation:
    """Returns the task that `config` describes, for examples with an 'image' and a mask.

    Raises:
        ConfigError: if the examples have no such features, or the network is no backbone.
    """
    masks = [name for name, feature in data.features.items() if feature.kind == "mask"]
    if "image" not in data.features or len(masks) != 1:
        known = ", ".join(data.features)
        raise ConfigError(f"task = 'segmentation' needs examples with an 'image' and one mask; they have {known}")
    made, names, shared = make_backbone(config, task="segmentation")
    network = Segmenter(
        made.network.clone(output_stride=config.segmentation.output_stride),
        len(data.features[masks[0]].classes),
        config.segmentation.dropout,
        config.segmentation.head,
    )
    return Segmentation(
        made.clone(network=network),
        names,
        data,
        shared,
        masks[0],
        auxiliary=config.segmentation.auxiliary,
        align_corners=config.segmentation.align_corners,
        tile=config.segmentation.tile,
        own_size=config.segmentation.own_size,
    )
