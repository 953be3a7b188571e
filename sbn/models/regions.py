"""What Faster R-CNN does between its heads, for one image each: proposals, samples, losses, detections.

Ren et al. 2015; all shapes are static, and slots that hold nothing are marked.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from sbn.nn import boxes as geometry
from sbn.nn.anchors import IGNORED, match, sample
from sbn.nn.nms import non_maximum_suppression

Array = jax.Array
DEVIATIONS = (0.1, 0.1, 0.2, 0.2)  # of the offsets that the second stage predicts (Girshick 2015)
ANCHOR_BETA = 1 / 9  # where the loss of an anchor's box turns from square to linear
# The objects of N images: 'boxes' (N, M, 4) float32, y0, x0, y1, x1 in pixels, no object where there is no area;
# 'labels' (N, M) int32, the class of each, from 0, negative where it is not to be learned; and 'ids' (N,) int32,
# numbers of the images, which address what is drawn
Truth = Mapping[str, Array]


@dataclasses.dataclass(frozen=True)
class Settings:
    """What mmdetection's config sets; torchvision differs as said.

    Attributes:
        anchor_scale: sides of the anchors in strides of their level.
        ratios: height to width of the anchors.
        rounded_anchors: to whole pixels (torchvision).
        anchors_inside: anchors across the border of the image are left out in training (torchvision: not).
        anchor_positive: overlap from which an anchor stands for an object.
        anchor_negative: overlap below which it is negative.
        anchor_best: overlap from which an object's best anchors stand for it (torchvision 0).
        anchor_samples: drawn from an image's anchors, at most half of them positive.
        proposals_before: of each level, by score, before suppression: training, test.
        proposals_after: of all levels after it: training, test.
        proposal_overlap: threshold of that suppression.
        region_positive: overlap from which a region stands for an object.
        region_samples: regions drawn from those of an image, at most a quarter of them positive.
        region_beta: where the loss of a region's box turns from square to linear (torchvision 1 / 9).
        aligned: half a cell's shift in RoIAlign (later codes).
        offset_limits: of the logarithms of how much larger a box is than its reference (torchvision: no lower one).
        least_score: of a detection.
        detection_overlap: threshold of the suppression in each class.
        detections_before: of each class, by score, before suppression.
        detections: of an image.
    """

    anchor_scale: float = 8.0
    ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    rounded_anchors: bool = False
    anchors_inside: bool = True
    anchor_positive: float = 0.7
    anchor_negative: float = 0.3
    anchor_best: float = 0.3
    anchor_samples: int = 256
    proposals_before: tuple[int, int] = (2000, 1000)
    proposals_after: tuple[int, int] = (2000, 1000)
    proposal_overlap: float = 0.7
    region_positive: float = 0.5
    region_samples: int = 512
    region_beta: float = 1.0
    aligned: bool = False
    offset_limits: tuple[float, float] = (-geometry.LARGEST, geometry.LARGEST)
    least_score: float = 0.05
    detection_overlap: float = 0.5
    detections_before: int = 300
    detections: int = 100


class Drawn(NamedTuple):
    """Regions of an image to train on, R slots.

    Attributes:
        boxes: (R, 4).
        labels: (R,) int32, 0 for background, else 1 + class.
        targets: (R, 4) offsets of the objects from the regions that stand for them.
        used: (R,) bool.
    """

    boxes: Array
    labels: Array
    targets: Array
    used: Array


def propose(
    scores: Array, offsets: Array, frame: Array, *, anchors: Sequence[Array], settings: Settings, train: bool
) -> tuple[Array, Array]:
    """Returns regions that may hold an object, (P, 4), by falling score, and which slots are used, (P,) bool.

    Args:
        scores: (A,) logits of the anchors of all levels.
        offsets: (A, 4).
        frame: (4,) the part of the canvas that is image.
        anchors: of every level, (A of it, 4).
        settings: of the detector.
        train: how many are kept is another number in training.
    """
    kept, start = [], 0
    decode = functools.partial(geometry.decode, limits=settings.offset_limits)
    before, after = settings.proposals_before[not train], settings.proposals_after[not train]
    for level in anchors:
        stop = start + len(level)
        top, places = jax.lax.top_k(scores[start:stop], min(before, len(level)))
        boxes = geometry.clip(decode(offsets[start:stop][places], level[places]), frame)
        valid = geometry.areas(boxes) > 0
        valid &= non_maximum_suppression(boxes, top, threshold=settings.proposal_overlap, valid=valid)
        kept.append((boxes, jnp.where(valid, top, -jnp.inf)))
        start = stop
    boxes, top = (jnp.concatenate(parts) for parts in zip(*kept, strict=True))
    best, places = jax.lax.top_k(top, min(after, len(top)))
    return boxes[places], best > -jnp.inf


def proposal_losses(
    key: Array,
    scores: Array,
    offsets: Array,
    boxes: Array,
    labels: Array,
    frame: Array,
    *,
    anchors: Sequence[Array],
    settings: Settings,
) -> dict[str, Array]:
    """Returns the losses () of the proposals of an image: 'objectness', and 'proposal_boxes'.

    Both are sums over the anchors that were drawn, divided by their number: of this image, so that an image weighs the
    same in any batch. The codes divide by the number in the batch, which is the same while every image has so many.

    Args:
        key: of what is drawn.
        scores: (A,) logits.
        offsets: (A, 4).
        boxes: (M, 4) of the objects.
        labels: (M,).
        frame: (4,) the part of the canvas that is image.
        anchors: of every level.
        settings: of the detector.
    """
    references = jnp.concatenate(list(anchors))
    inside = (references[:, :2] >= frame[:2]).all(axis=1) & (references[:, 2:] <= frame[2:]).all(axis=1) | (
        not settings.anchors_inside
    )
    found = match(
        jnp.where(inside[:, None], geometry.overlaps(references, boxes), -1),
        _learned(boxes, labels),
        positive=settings.anchor_positive,
        negative=settings.anchor_negative,
        best_from=settings.anchor_best,
    )
    found = jnp.where(inside, found, IGNORED)
    places, used = sample(key, found, count=settings.anchor_samples, positives=settings.anchor_samples // 2)
    own, logits = found[places], scores[places]
    positive = used & (own >= 0)
    binary = optax.sigmoid_binary_cross_entropy(logits, positive.astype(logits.dtype))
    there, objects = references[places], boxes[jnp.maximum(own, 0)]
    targets = _targets(objects, there, positive, (1.0, 1.0, 1.0, 1.0))
    apart = _smooth_l1(offsets[places], targets, ANCHOR_BETA)
    count = jnp.maximum(used.sum(), 1)
    return {
        "objectness": jnp.where(used, binary, 0).sum() / count,
        "proposal_boxes": jnp.where(positive, apart, 0).sum() / count,
    }


def draw(key: Array, regions: Array, valid: Array, boxes: Array, labels: Array, *, settings: Settings) -> Drawn:
    """Returns regions of an image to train on: of the proposals and the objects themselves.

    Args:
        key: of what is drawn.
        regions: (P, 4).
        valid: (P,) bool.
        boxes: (M, 4) of the objects.
        labels: (M,).
        settings: of the detector.
    """
    learned = _learned(boxes, labels)
    candidates = jnp.concatenate([regions, boxes])
    found = match(
        geometry.overlaps(candidates, boxes),
        learned,
        positive=settings.region_positive,
        negative=settings.region_positive,
    )
    found = jnp.where(jnp.concatenate([valid, learned]), found, IGNORED)
    places, used = sample(key, found, count=settings.region_samples, positives=settings.region_samples // 4)
    own = found[places]
    positive = used & (own >= 0)
    object_of = jnp.maximum(own, 0)
    there = jnp.where(used[:, None], candidates[places], 0)
    return Drawn(
        there,
        jnp.where(positive, 1 + labels[object_of], 0),
        _targets(boxes[object_of], there, positive, DEVIATIONS),
        used,
    )


def losses(scores: Array, shifts: Array, drawn: Drawn, *, settings: Settings) -> dict[str, Array]:
    """Returns the losses () of an image's regions: 'classes' and 'boxes', divided by the number of regions drawn.

    Args:
        scores: (R, 1 + classes) logits.
        shifts: (R, classes, 4).
        drawn: the R regions.
        settings: of the detector.
    """
    entropy = optax.softmax_cross_entropy_with_integer_labels(scores, drawn.labels)
    own = jnp.maximum(drawn.labels - 1, 0)[:, None, None]
    shift = jnp.take_along_axis(shifts, own, axis=1)[:, 0]
    apart = _smooth_l1(shift, drawn.targets, settings.region_beta)
    count = jnp.maximum(drawn.used.sum(), 1)
    return {
        "classes": jnp.where(drawn.used, entropy, 0).sum() / count,
        "boxes": jnp.where(drawn.used & (drawn.labels > 0), apart, 0).sum() / count,
    }


def detect(regions: Array, valid: Array, scores: Array, shifts: Array, frame: Array, *, settings: Settings) -> Array:
    """Returns the detections of an image, (detections, 6): y0, x0, y1, x1, score, class; score 0 for no detection.

    Args:
        regions: (P, 4).
        valid: (P,) bool.
        scores: (P, 1 + classes) logits.
        shifts: (P, classes, 4).
        frame: (4,) the part of the canvas that is image.
        settings: of the detector.
    """
    likelihoods = jax.nn.softmax(scores)[:, 1:].T  # (classes, P)
    likelihoods = jnp.where(valid & (likelihoods > settings.least_score), likelihoods, 0)
    top, places = jax.lax.top_k(likelihoods, min(settings.detections_before, len(regions)))
    decoded = geometry.decode(
        shifts, regions[:, None], deviations=DEVIATIONS, limits=settings.offset_limits
    )  # (P, classes, 4)
    boxes = geometry.clip(jnp.take_along_axis(jnp.moveaxis(decoded, 1, 0), places[..., None], axis=1), frame)

    def suppress(boxes: Array, scores: Array) -> Array:
        there = (scores > 0) & (geometry.areas(boxes) > 0)
        kept = non_maximum_suppression(boxes, scores, threshold=settings.detection_overlap, valid=there)
        return jnp.where(kept, scores, 0)

    kept = jax.vmap(suppress)(boxes, top)
    numbers = jnp.broadcast_to(jnp.arange(len(kept))[:, None], kept.shape)
    every = jnp.concatenate([boxes, kept[..., None], numbers[..., None].astype(boxes.dtype)], axis=-1).reshape(-1, 6)
    best, order = jax.lax.top_k(kept.reshape(-1), min(settings.detections, kept.size))
    found = jnp.where(best[:, None] > 0, every[order], 0)
    return jnp.pad(found, ((0, settings.detections - len(found)), (0, 0)))


def _learned(boxes: Array, labels: Array) -> Array:
    return (geometry.areas(boxes) > 0) & (labels >= 0)


def _smooth_l1(offsets: Array, targets: Array, beta: float) -> Array:
    """The loss of offsets (..., 4), their four parts added up: square up to `beta`, linear beyond (Girshick 2015)."""
    return optax.losses.huber_loss(offsets, targets, delta=beta).sum(axis=-1) / beta


def _targets(objects: Array, references: Array, positive: Array, deviations: tuple[float, ...]) -> Array:
    """Offsets of objects from references, where they mean something; 0 elsewhere, so that no gradient is NaN."""
    safe = jnp.asarray([0.0, 0.0, 1.0, 1.0])
    objects, references = (jnp.where(positive[:, None], boxes, safe) for boxes in (objects, references))
    return geometry.encode(objects, references, deviations=deviations)
