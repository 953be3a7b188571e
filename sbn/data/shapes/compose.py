"""`render`: from image numbers to images, labels, boxes and masks."""

import dataclasses
from collections.abc import Sequence
from typing import Final

import numpy as np

from sbn.config.errors import unknown
from sbn.data.examples import Feature, InMemory, in_memory
from sbn.data.shapes import draws
from sbn.data.shapes.outlines import NAMES
from sbn.data.shapes.scene import coverage, make_scene
from sbn.data.shapes.styles import PAINTERS

STYLES: Final = tuple(PAINTERS)
MIN_SIZE: Final = 8  # pixels; below it thin shapes vanish between the pixels

_CHUNK_PIXELS: Final = 1 << 17  # images are rendered in chunks whose arrays stay in the processor's cache


@dataclasses.dataclass(frozen=True)
class Shapes:
    """n rendered images and the truth about them."""

    images: np.ndarray  # (n, H, W, 3) uint8
    labels: np.ndarray  # (n,) int32, indices into NAMES
    boxes: np.ndarray  # (n, 4) float32: y0, x0, y1, x1 in pixels, half-open, tight around the mask
    masks: np.ndarray  # (n, H, W) bool: the pixels where the object is seen


def label(indices: Sequence[int] | np.ndarray, *, seed: int = 0, split: str = "train", classes: int = 10) -> np.ndarray:
    """Labels without the images. indices: (n,); returns (n,) int32.

    Every run of `classes` images from a multiple of `classes` on holds each class once, in random order.

    Raises:
        ValueError: as for `render`.
    """
    if not _is_whole(classes) or not 2 <= classes <= len(NAMES):
        raise ValueError(f"classes={classes!r}: choose from 2 to {len(NAMES)}")
    numbers = _checked(indices)
    block, place = np.divmod(numbers, classes)
    words = draws.bits(draws.image_keys(block, seed=seed, split=split), "label", classes)
    return np.argsort(words, axis=1, kind="stable")[np.arange(len(numbers)), place].astype(np.int32)


def render(
    indices: Sequence[int] | np.ndarray,
    *,
    size: int = 32,
    seed: int = 0,
    split: str = "train",
    style: str = "plain",
    classes: int = 10,
) -> Shapes:
    """Render images by number.

    Args:
        indices: (n,) non-negative integers; there is no last image.
        size: height and width in pixels, at least 8. Below 16 an object may have no visible pixel: its box is then 0.
        seed: a number in [0, 2**63); another seed is another data set.
        split: 'train', 'validation' or 'test'; no image is in two of them.
        style: 'plain' (colour), 'sketch' (pencil on paper) or 'clear' (the object alone): the same scenes, labels,
            boxes, masks.
        classes: how many of the ten classes, in the order of NAMES.

    Raises:
        ValueError: an argument outside these choices; the message names them.
    """
    if style not in PAINTERS:
        raise unknown("style", style, STYLES)
    if not _is_whole(size) or size < MIN_SIZE:
        raise ValueError(f"size={size!r}: choose a whole number of pixels, {MIN_SIZE} or more")
    numbers = _checked(indices)
    labels = label(numbers, seed=seed, split=split, classes=classes)
    keys = draws.image_keys(numbers, seed=seed, split=split)
    n = len(numbers)
    images = np.empty((n, size, size, 3), np.uint8)
    masks = np.empty((n, size, size), bool)
    step = max(1, _CHUNK_PIXELS // (size * size))
    for start in range(0, n, step):
        part = slice(start, start + step)
        scene = make_scene(keys[part], labels[part], int(size))
        images[part] = np.clip(PAINTERS[style](scene) * np.float32(255) + np.float32(0.5), 0, 255)
        masks[part] = coverage(scene.object) * (1 - coverage(scene.occluder)) > 0.5
    return Shapes(images, labels, _tight_boxes(masks), masks)


def examples(count: int, *, size: int, split: str, style: str = "plain") -> InMemory:
    """Returns the first `count` images of a split as examples.

    They hold 'image', 'label', 'boxes' (1, 4) and 'box_label' (1,) of the object, and 'mask', whose label 0 is the
    background and k + 1 the object of class k.

    Raises:
        ValueError: as for `render`.
    """
    made = render(np.arange(count), size=size, split=split, style=style)
    features = {
        "image": Feature("image"),
        "label": Feature("label", classes=NAMES),
        "boxes": Feature("boxes", classes=NAMES),
        "box_label": Feature("label", (1,), classes=NAMES),
        "mask": Feature("mask", classes=("background", *NAMES)),
    }
    arrays = {
        "image": made.images,
        "label": made.labels,
        "boxes": made.boxes[:, None],
        "box_label": made.labels[:, None],
        "mask": made.masks * (made.labels + 1).astype(np.uint8)[:, None, None],
    }
    return in_memory(arrays, name="shapes", features=features)


def _tight_boxes(masks: np.ndarray) -> np.ndarray:
    """Bounds of the true pixels. masks: (n, H, W) bool; returns (n, 4) float32: y0, x0, y1, x1, half-open."""
    rows, columns = np.asarray(masks.any(axis=2)), np.asarray(masks.any(axis=1))
    size = masks.shape[1]
    y0, y1 = rows.argmax(axis=1), size - rows[:, ::-1].argmax(axis=1)
    x0, x1 = columns.argmax(axis=1), size - columns[:, ::-1].argmax(axis=1)
    seen = rows.any(axis=1, keepdims=True)
    return np.where(seen, np.stack([y0, x0, y1, x1], axis=1), 0).astype(np.float32)


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _checked(indices: Sequence[int] | np.ndarray) -> np.ndarray:
    """Image numbers as (n,) int64, or an error."""
    numbers = np.asarray(indices)
    if numbers.size == 0:
        return np.zeros(0, np.int64)
    if numbers.ndim != 1 or not np.issubdtype(numbers.dtype, np.integer):
        raise ValueError(f"indices must be one list of whole numbers, not {numbers.dtype} of {numbers.shape}")
    if numbers.min() < 0:
        raise ValueError(f"image {numbers.min()} does not exist: indices start at 0")
    return numbers.astype(np.int64)
