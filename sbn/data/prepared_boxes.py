"""Objects in images as TFDS has prepared them: boxes in shares of the image's sides, classes beside them."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from etils import epath

from sbn.config.errors import ConfigError, unknown
from sbn.data import tfrecords
from sbn.data.index import Index
from sbn.data.objects import Objects
from sbn.data.prepared import image_index

# Builders that leave PASCAL VOC's pixels as they are: counted from 1, the last one meant too
_COUNT_FROM_ONE = ("voc", "bccd")
_DIFFICULT = ("is_difficult", "is_crowd")  # beside the boxes
_WHOLE = 1e-3  # a share of a side, a float32, is this close to the whole number of pixels that it was made of


class BoxKeys(NamedTuple):
    """The names of features, and what they mean.

    Attributes:
        image: of the encoded image.
        boxes: (ymin, xmin, ymax, xmax) of each object, in shares of the image's height and width.
        label: the class of each object.
        first: the number of the first pixel: 0, or 1 where the last pixel is meant, too.
    """

    image: str
    boxes: str
    label: str
    first: int


@dataclasses.dataclass(frozen=True)
class Annotated:
    """Images with their objects."""

    index: Index
    objects: Sequence[Objects]

    def __len__(self) -> int:
        return len(self.index)

    def take(self, which: slice) -> "Annotated":
        """Returns some of them."""
        return Annotated(self.index.take(which), self.objects[which])


def find(
    path: epath.Path, *, image: str, label: str, boxes: str | None, box_label: str | None, first: int | None
) -> BoxKeys | None:
    """Returns the names of the features to read from a prepared data set; None if it is to be read by its label.

    Args:
        path: of the data set, its version.
        image: of the image.
        label: of the image's label.
        boxes: of the boxes; None: those that there are, where there is no label.
        box_label: of their classes; None: that called label beside them.
        first: the number of the first pixel; None: as the builder has it.

    Raises:
        ConfigError: if there are no boxes of that name.
    """
    there = list(_boxes(tfrecords.features(path)))
    if boxes is None:
        if label in tfrecords.features(path) or not there:
            return None
        boxes = there[0]
    elif boxes not in there:
        raise unknown(f"boxes in {path} (data.boxes_feature)", boxes, there)
    if first is None:
        builder = path.parent.name if path.parent.name in _COUNT_FROM_ONE else path.parent.parent.name
        first = int(builder in _COUNT_FROM_ONE)
    beside = boxes.rpartition("/")[0]
    return BoxKeys(image, boxes, box_label or (f"{beside}/label" if beside else "label"), first)


def _boxes(features: Mapping[str, Any], within: str = "") -> Iterator[str]:
    """The names of features that are boxes, also of those within others."""
    for name, feature in features.items():
        if "boundingBox" in feature:
            yield within + name
        inner = feature.get("sequence", {}).get("feature", feature) if "sequence" in feature else feature
        inner = inner.get("featuresDict", {}).get("features", {}) if isinstance(inner, dict) else {}
        if isinstance(inner, dict):
            yield from _boxes({k: v for k, v in inner.items() if isinstance(v, dict)}, f"{within}{name}/")


def read(path: epath.Path, split: str, *, keys: BoxKeys) -> Annotated:
    """Returns the images of a whole split, which stay in its files, with their objects.

    Raises:
        ConfigError: if there is no such split, or a file or an example is damaged; it says where.
    """
    counts, classes = tfrecords.shards(path, split), len(class_names(path, keys))
    found = image_index(path, split, keys.image, key="data.image_feature", kind="boxes")
    records = (
        (f"the record at byte {offset} of {file}", features)
        for file, count in counts.items()
        for offset, _, features in tfrecords.examples(file, count=count)
    )
    objects = [
        _objects(features, keys, size=size, classes=classes, what=what)
        for (what, features), size in zip(records, found.sizes.tolist(), strict=True)
    ]
    return Annotated(found, objects)


def class_names(path: epath.Path, keys: BoxKeys) -> list[str]:
    """Returns the names of the classes of objects."""
    return tfrecords.class_names(path, label=keys.label, key="data.box_label_feature")


def _objects(
    features: Mapping[str, list[Any]], keys: BoxKeys, *, size: tuple[int, int], classes: int, what: str
) -> Objects:
    """The objects of an image of (height, width)."""
    for name, key in ((keys.boxes, "boxes_feature"), (keys.label, "box_label_feature")):
        if name not in features:
            raise unknown(f"feature of {what} (data.{key})", name, features)
    shares, labels = np.asarray(features[keys.boxes], np.float64), features[keys.label]
    if len(shares) != 4 * len(labels):
        raise ConfigError(f"{what} has {len(labels)} classes of objects, and {len(shares)} numbers of their boxes")
    edges = shares.reshape(-1, 4) * (*size, *size)
    whole = np.rint(edges)
    edges = np.where(np.abs(edges - whole) < _WHOLE, whole, edges)
    for number, (label, own) in enumerate(zip(labels, edges, strict=True), start=1):
        if not (isinstance(label, int) and 0 <= label < classes):
            raise ConfigError(f"{what}, object {number}: class {label!r}, and there are {classes}")
        if not np.isfinite(own).all() or (own[2:] < own[:2]).any():
            raise ConfigError(f"{what}, object {number} ends before it begins: {own.tolist()}")
    kept: np.ndarray = np.asarray((edges[:, 2:] > edges[:, :2]).all(axis=1))
    # What begins at 0 all the same is of a set that counts otherwise, and begins at the border
    edges[:, :2] = np.where(edges[:, :2] < 0, edges[:, :2], np.maximum(edges[:, :2] - keys.first, 0))
    beside, shown = keys.boxes.rpartition("/")[0], np.zeros(len(labels), bool)
    for name in _DIFFICULT:
        if len(found := features.get(f"{beside}/{name}", ())) == len(labels):
            shown |= np.asarray(found, bool)
    return Objects(
        edges[kept].astype(np.float32),
        [label for label, there in zip(labels, kept, strict=True) if there],
        shown[kept],
        dropped=int((~kept).sum()),
    )
