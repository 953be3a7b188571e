"""Faster R-CNN with a feature pyramid: regions that may hold an object, then what each holds and where exactly.

Ren et al. 2015, with Lin et al. 2017; settings of mmdetection's PASCAL VOC config of 2019, whose schedule is that of
*Data Augmentation Revisited*, Table 6. The network sees one view and knows nothing of branches.
"""

import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from sbn.models import regions
from sbn.models.pyramid import FeaturePyramid
from sbn.models.regions import Settings, Truth
from sbn.nn.anchors import make_anchors
from sbn.nn.roi_align import levels_of, make_pyramid, roi_align

Array = jax.Array
STRIDES = (4, 8, 16, 32, 64)


class FasterRCNN(nn.Module):
    """A detector: images to detections, and in training with their objects to losses.

    The variables of the backbone have the names that they have in the backbone alone, so that those of a classifier
    fit: `init.only=('stem*', 'stage*')`.

    Attributes:
        backbone: called as `backbone(images, train=..., tap=...)`, it gives its tap `stage1` to `stage4`, maps
            (N, H / s, W / s, C) for s = 4, 8, 16, 32, rounded up.
        classes: number of classes.
        settings: of anchors, samples and suppression.
        channels: of the pyramid.
        hidden: width of the box head's two dense layers.
        frozen_norm: normalise by the running statistics in training, too, and leave them.
        dtype: of convolutions and activations.
    """

    backbone: nn.Module
    classes: int
    settings: Settings = Settings()
    channels: int = 256
    hidden: int = 1024
    frozen_norm: bool = False
    dtype: Any = jnp.float32

    def setup(self) -> None:  # noqa: D102
        nn.share_scope(self, self.backbone)
        self.pyramid = FeaturePyramid(self.channels, self.dtype)
        self.proposals = ProposalHead(len(self.settings.ratios), self.channels, self.dtype)
        self.box_head = BoxHead(self.classes, self.hidden, self.dtype)

    def __call__(
        self, images: Array, frames: Array, truth: Truth | None = None, *, train: bool
    ) -> Array | dict[str, Array]:
        """Returns detections, or in training losses.

        Args:
            images: (N, H, W, 3) float, normalised.
            frames: (N, 4) y0, x0, y1, x1 of what is image; what lies around it is filler.
            truth: in training, the objects of the images (`sbn.models.regions.Truth`).
            train: training mode.

        Returns:
            (N, detections, 6) float32: y0, x0, y1, x1 in pixels, score and class; score 0 where there is none. In
            training (N,) each of 'objectness', 'proposal_boxes', 'classes' and 'boxes': the losses of every image.
        """
        found: dict[str, Array] = {}

        def keep(name: str, x: Array) -> Array:
            found[name] = x
            return x

        self.backbone(images, train=train and not self.frozen_norm, tap=keep)
        levels = self.pyramid([found[f"stage{k}"] for k in (1, 2, 3, 4)])
        objectness, offsets = self.proposals(levels)
        shapes = [(level.shape[1], level.shape[2]) for level in levels]
        anchors = self._anchors(shapes, images.shape[1:3])
        own = self.settings

        # Where proposals lie is no way for a gradient (Ren et al. 2015, section 3.2).
        propose = jax.vmap(lambda *parts: regions.propose(*parts, anchors=anchors, settings=own, train=train))
        proposed, valid = propose(*jax.lax.stop_gradient((objectness, offsets)), frames)
        if not train:
            scores, shifts = self.box_head(self._pooled(levels, proposed))
            return jax.vmap(lambda *parts: regions.detect(*parts, settings=own))(
                proposed, valid, scores, shifts, frames
            )
        assert truth is not None
        key = self.make_rng("sampling")
        keys = jax.vmap(lambda number: jax.random.split(jax.random.fold_in(key, number)))(truth["ids"])
        first = jax.vmap(lambda *parts: regions.proposal_losses(*parts, anchors=anchors, settings=own))
        losses = first(keys[:, 0], objectness, offsets, truth["boxes"], truth["labels"], frames)
        draw = jax.vmap(lambda *parts: regions.draw(*parts, settings=own))
        drawn = draw(keys[:, 1], proposed, valid, truth["boxes"], truth["labels"])
        scores, shifts = self.box_head(self._pooled(levels, drawn.boxes))
        return {**losses, **jax.vmap(lambda *parts: regions.losses(*parts, settings=own))(scores, shifts, drawn)}

    def _anchors(self, shapes: list[tuple[int, int]], size: tuple[int, ...]) -> tuple[Array, ...]:
        """The anchors of every level."""
        own, strides = self.settings, STRIDES[: len(shapes)]
        sides = [own.anchor_scale * stride for stride in strides]
        pairs = [(float(stride), float(stride)) for stride in strides]
        if own.rounded_anchors:  # torchvision computes strides from the sizes of the maps
            pairs = [(float(size[0] // height), float(size[1] // width)) for height, width in shapes]
        made = functools.partial(make_anchors, ratios=own.ratios, rounded=own.rounded_anchors)
        return tuple(jnp.asarray(made([a], [b], [c])) for a, b, c in zip(shapes, pairs, sides, strict=True))

    def _pooled(self, levels: list[Array], boxes: Array) -> Array:
        """(N, R, 7, 7, channels) of boxes (N, R, 4)."""
        used = levels[:-1]  # the coarsest level only proposes

        def one(own: list[Array], boxes: Array) -> Array:
            pyramid = make_pyramid(own, [1 / stride for stride in STRIDES[: len(used)]])
            return roi_align(pyramid, boxes, levels_of(boxes, len(used)), aligned=self.settings.aligned)

        return jax.vmap(one)(used, boxes)


class ProposalHead(nn.Module):
    """The region proposal network's head, the same for every level: (N, A) objectness and (N, A, 4) offsets."""

    ratios: int
    channels: int
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, levels: list[Array]) -> tuple[Array, Array]:
        """Returns logits and offsets of the anchors of all levels, in the order of `make_anchors`."""
        start = nn.initializers.normal(0.01)
        conv = nn.Conv(self.channels, (3, 3), padding=1, dtype=self.dtype, kernel_init=start, name="conv")
        score = nn.Conv(self.ratios, (1, 1), dtype=self.dtype, kernel_init=start, name="objectness")
        shift = nn.Conv(self.ratios * 4, (1, 1), dtype=self.dtype, kernel_init=start, name="offsets")
        hidden = [nn.relu(conv(level)) for level in levels]
        count = len(levels[0])
        scores = jnp.concatenate([score(x).reshape(count, -1) for x in hidden], axis=1)
        offsets = jnp.concatenate([shift(x).reshape(count, -1, 4) for x in hidden], axis=1)
        return scores.astype(jnp.float32), offsets.astype(jnp.float32)


class BoxHead(nn.Module):
    """Two dense layers on every region: logits of background and the classes, and offsets of each class."""

    classes: int
    hidden: int
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, pooled: Array) -> tuple[Array, Array]:
        """Returns logits (N, R, 1 + classes) and offsets (N, R, classes, 4) of regions (N, R, bins, bins, C)."""
        xavier, x = nn.initializers.xavier_uniform(), pooled.reshape(*pooled.shape[:2], -1)
        for number in (1, 2):
            x = nn.relu(nn.Dense(self.hidden, dtype=self.dtype, kernel_init=xavier, name=f"dense{number}")(x))
        scores = nn.Dense(1 + self.classes, kernel_init=nn.initializers.normal(0.01), name="classes")(x)
        shifts = nn.Dense(4 * self.classes, kernel_init=nn.initializers.normal(0.001), name="offsets")(x)
        return scores.astype(jnp.float32), shifts.astype(jnp.float32).reshape(*x.shape[:2], self.classes, 4)
