"""Objects in images, in whatever format they were annotated: the one door through which they become examples."""

import os
import sys
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from sbn.config.errors import ConfigError
from sbn.data.encoded import ImageFiles
from sbn.data.image_files import image_files, index_of
from sbn.data.index import Index

MOST_PIXELS: Final = 2.0**31  # no side and no area of an image is as large; NaN is no less either
_ROUNDING: Final = 0.011  # of two decimals, in float32


class Objects(NamedTuple):
    """The objects of one image.

    Attributes:
        boxes: (B, 4) float32, y0, x0, y1, x1 in pixels of the image as it lies in its file, half-open; what reaches
            beyond it is cut off by `examples`.
        labels: (B,) numbers of their classes.
        difficult: (B,) bool: what is not to be learned, and neither helps nor hurts when it is found.
        areas: (B,) of the objects, in square pixels, where the annotation knows them better than the boxes do.
        dropped: how many more there were, whose boxes have no area.
    """

    boxes: np.ndarray
    labels: Sequence[int]
    difficult: np.ndarray
    areas: np.ndarray | None = None
    dropped: int = 0


def examples(
    images: Sequence[str | os.PathLike[str]] | Index,
    objects: Sequence[Objects],
    *,
    name: str,
    of: str,
    classes: Sequence[str],
    most: int | None = None,
) -> ImageFiles:
    """Returns images, which stay in their files, with 'boxes', 'box_label', 'box_difficult', and 'box_area' if known.

    Boxes that reach beyond their image are cut off at its border; what has no area then is left out. Both are counted,
    in one line to stderr that names the first image.

    Args:
        images: M files, or their index.
        objects: of each image.
        name: of the data set and split, for the cache of what is known of the files.
        of: the data set and split, for messages.
        classes: their names.
        most: slots for boxes that every example has; None: as many as the fullest image needs.

    Raises:
        ConfigError: naming the file, if one can't be read, or is turned by its EXIF orientation.
    """
    images = images if isinstance(images, Index) else index_of(images, name=name)
    there = [i for i, own in enumerate(objects) if len(own.boxes)]
    if len(images) and not there:
        raise ConfigError(f"{of}: no image has an object with a box")
    if there and all(objects[i].boxes.max() <= 1 for i in there) and (images.sizes[there] > 2).all():
        raise ConfigError(
            f"{of}: every box lies within the first pixel, such as {objects[there[0]].boxes[0].tolist()} (y0, x0, y1, "
            f"x1) in {images.name(there[0])}: boxes are in pixels, not in shares of their image"
        )
    within = [_within(own, size) for own, size in zip(objects, images.sizes.tolist(), strict=True)]
    objects = [own for own, _ in within]
    slots = max((len(own.boxes) for own in objects), default=0) if most is None else most
    arrays = {"box_difficult": _slots([own.difficult for own in objects], slots, np.uint8)}
    areas = [own.areas for own in objects if own.areas is not None]
    if areas and len(areas) == len(objects):
        arrays["box_area"] = _slots(areas, slots, np.float32)
    made = image_files(
        images,
        name=name,
        classes=classes,
        boxes=[own.boxes for own in objects],
        box_labels=[own.labels for own in objects],
        most_boxes=slots,
        arrays=arrays,
    )
    for counts, what in (
        ([own.dropped for own in objects], "objects with a box without an area in their image are left out"),
        ([cut for _, cut in within], "boxes that reach beyond their image are cut off there"),
        ([_twice(own) for own in objects], "objects that are there twice, of one class and with one box, count twice"),
    ):
        if any(counts):
            first = images.name(next(i for i, count in enumerate(counts) if count))
            print(f"{of}: {what}: {sum(counts)}, the first in {first}", file=sys.stderr)
    return made


def _within(own: Objects, size: Sequence[int]) -> tuple[Objects, int]:
    """Objects cut off at the border of an image of (height, width), and of how many more than a rounding was cut off.

    Boxes are written with two decimals: what those round over the border does not reach beyond it.
    """
    edges = np.clip(own.boxes, 0, np.asarray((*size, *size), np.float32))
    kept: np.ndarray = np.asarray((edges[:, 2:] > edges[:, :2]).all(axis=1))
    cut = int((np.abs(edges - own.boxes).max(axis=1, initial=0) > _ROUNDING)[kept].sum())
    labels = [label for label, there in zip(own.labels, kept, strict=True) if there]
    areas = None if own.areas is None else own.areas[kept]
    dropped = own.dropped + int((~kept).sum())
    return Objects(edges[kept], labels, own.difficult[kept], areas, dropped), cut


def _twice(own: Objects) -> int:
    """How many objects of an image have the class and the box of an earlier one."""
    rows = [(label, *box) for label, box in zip(own.labels, own.boxes.tolist(), strict=True)]
    return len(rows) - len(set(rows))


def _slots(values: Sequence[np.ndarray], slots: int, kind: type) -> np.ndarray:
    """Numbers of each image's objects as (M, slots), filled up with 0; what has no slot is told by `image_files`."""
    made: np.ndarray = np.zeros((len(values), slots), kind)
    for i, own in enumerate(values):
        kept = np.asarray(own)[:slots]
        made[i, : len(kept)] = kept
    return made
