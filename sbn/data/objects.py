"""Objects in images, in whatever format they were annotated: the one door through which they become examples."""

import os
import sys
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from sbn.data.encoded import ImageFiles
from sbn.data.image_files import image_files
from sbn.data.index import Index

MOST_PIXELS: Final = 2.0**31  # no side and no area of an image is as large; NaN is no less either


class Objects(NamedTuple):
    """The objects of one image.

    Attributes:
        boxes: (B, 4) float32, y0, x0, y1, x1 in pixels of the image as it lies in its file, half-open.
        labels: (B,) numbers of their classes.
        difficult: (B,) bool: what is not to be learned, and neither helps nor hurts when it is found.
        areas: (B,) of the objects, in square pixels, where the annotation knows them better than the boxes do.
        dropped: how many more there were, whose boxes have no area.
        cut: how many boxes reached beyond the image, and were cut off at its border.
    """

    boxes: np.ndarray
    labels: Sequence[int]
    difficult: np.ndarray
    areas: np.ndarray | None = None
    dropped: int = 0
    cut: int = 0


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

    What was left out or cut off is counted, in one line to stderr.

    Args:
        images: M files, or their index.
        objects: of each image.
        name: of the data set and split, for the cache of what is known of the files.
        of: the data set and split, for messages.
        classes: their names.
        most: slots for boxes that every example has; None: as many as the fullest image needs.

    Raises:
        ConfigError: naming the file, if one can't be read or a box lies outside of its image.
    """
    for count, what in (
        (sum(own.dropped for own in objects), "have boxes without an area, and are left out"),
        (sum(own.cut for own in objects), "have boxes that reach beyond their image, and are cut off there"),
    ):
        if count:
            print(f"{of}: {count} objects {what}", file=sys.stderr)
    slots = max((len(own.boxes) for own in objects), default=0) if most is None else most
    arrays = {"box_difficult": _slots([own.difficult for own in objects], slots, np.uint8)}
    areas = [own.areas for own in objects if own.areas is not None]
    if areas and len(areas) == len(objects):
        arrays["box_area"] = _slots(areas, slots, np.float32)
    return image_files(
        images,
        name=name,
        classes=classes,
        boxes=[own.boxes for own in objects],
        box_labels=[own.labels for own in objects],
        most_boxes=slots,
        arrays=arrays,
    )


def _slots(values: Sequence[np.ndarray], slots: int, kind: type) -> np.ndarray:
    """Numbers of each image's objects as (M, slots), filled up with 0; what has no slot is told by `image_files`."""
    made: np.ndarray = np.zeros((len(values), slots), kind)
    for i, own in enumerate(values):
        kept = np.asarray(own)[:slots]
        made[i, : len(kept)] = kept
    return made
