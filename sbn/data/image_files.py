"""Image files with boxes and label images as examples, for a user's own data set."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from etils import epath

from sbn.config.errors import ConfigError
from sbn.data.decode import look
from sbn.data.encoded import Beside, ImageFiles
from sbn.data.examples import Feature, in_memory
from sbn.data.forms import VOID, check_names
from sbn.data.index import Entry, Files, Index, check_upright, load
from sbn.data.label_images import LabelImages, check_sizes, lookup

_LOOKED_INTO = 8  # label images, evenly spread; others are checked when they are read


def image_files(
    images: Sequence[str | os.PathLike[str]] | Index,
    *,
    name: str,
    labels: Sequence[int] | None = None,
    classes: Sequence[str] = (),
    boxes: Sequence[Any] | None = None,
    box_labels: Sequence[Sequence[int]] | None = None,
    most_boxes: int | None = None,
    masks: Sequence[str | os.PathLike[str]] | Index | None = None,
    mask_numbers: Mapping[int, int] | None = None,
    only_these_numbers: bool = False,
    arrays: Mapping[str, Any] | None = None,
) -> ImageFiles:
    """Returns images of any sizes, which stay in their files, with what they carry: boxes, a label image, numbers.

    Features are called 'image', 'label', 'boxes' and 'box_label', 'mask', and as `arrays` has them; 'image_size',
    (2,) int32, is height and width of the image in its file.

    Args:
        images: M files: JPEG, PNG and whatever else Pillow reads, or the index of such. Their EXIF orientation is not
            applied; with boxes or masks it has to be upright, or not given.
        name: of the data set and split, for messages and the cache of what is known of the files.
        labels: of each image, where it has one.
        classes: names, of the labels, of what is in boxes, or of the labels in masks.
        boxes: of each image (B, 4): y0, x0, y1, x1 in its pixels, half-open; each image may have another number B.
        box_labels: the class of each box.
        most_boxes: what B is filled up to, by boxes without an area; None: the largest number that an image has.
        masks: label images, one for each image and of its size: PNG of one channel, or with a palette.
        mask_numbers: which class each number in a label image is, such as {7: 0, 8: 1}; others have no label. None: a
            number is its class, and 255 no label.
        only_these_numbers: whether a label image with a number that is not in `mask_numbers` is refused, when it is
            read.
        arrays: more of each image, (M, ...).

    Raises:
        ConfigError: naming the file: if one can't be read, sizes differ, boxes and labels do not match, or there are
            more boxes than `most_boxes`, or an image with boxes or masks is turned by its EXIF orientation.
    """
    names = tuple(map(str, classes))
    index = images if isinstance(images, Index) else index_of(images, name=name)
    if boxes is not None or masks is not None:
        check_upright(index)
    sizes, found, features = index.sizes.astype(np.int32), dict(arrays or {}), {}
    for key, given in (("label", labels), ("boxes", boxes), ("box_label", box_labels), ("mask", masks), *found.items()):
        if given is not None and len(given) != len(index):
            raise ConfigError(f"{name}: {len(index)} images and {len(given)} of {key}")
    made = in_memory({**found, "image_size": sizes}, name=name)
    found, features = dict(made.arrays), dict(made.features)
    if boxes is not None:
        kept, own = _padded(index, boxes, box_labels, most_boxes)
        given = {"boxes": kept, **({} if own is None else {"box_label": own})}
        made = in_memory(given, name=name, classes=names)
        found, features = {**found, **made.arrays}, {**features, **made.features}
    elif box_labels is not None:
        raise ConfigError(f"{name}: box_labels without boxes")
    label_images = {}
    if masks is not None:
        label_images["mask"] = _label_images(
            masks, index, mask_numbers, name=name, names=names, only=only_these_numbers
        )
        features["mask"] = Feature("mask", (None, None), names)
    elif mask_numbers is not None:
        raise ConfigError(f"{name}: mask_numbers without masks")
    if labels is not None:
        index = dataclasses.replace(index, labels=np.asarray(labels), class_names=names)
    return ImageFiles(index, Beside(found, features, label_images))


def index_of(paths: Sequence[str | os.PathLike[str]], *, name: str, colours: bool = True) -> Index:
    """Returns the index of image files, or of label images, which hold no `colours`.

    Other arguments and errors are those of `image_files`.
    """
    files = [os.path.abspath(os.fspath(path)) for path in paths]
    root = os.path.commonpath([os.path.dirname(file) for file in files]) if files else "/"

    def look_into(inside: str) -> list[Entry]:
        file = os.path.join(root, inside)
        try:
            with open(file, "rb") as opened:
                size = look(opened, colours=colours)
                return [Entry(0, opened.seek(0, os.SEEK_END), 0, *size)]
        except OSError as error:
            raise ConfigError(f"{name}: {file} can't be read: {error.strerror or error}") from None

    try:
        stats = [os.stat(file) for file in files]
    except OSError as error:
        raise ConfigError(f"{name}: {error.filename} can't be read: {error.strerror}") from None
    if other := next((file for file in files if not os.path.isfile(file)), None):  # a pipe would be waited for
        raise ConfigError(f"{name}: {other} can't be read: it is not a file")
    stamps = [(stat.st_size, stat.st_mtime_ns) for stat in stats]
    names = [os.path.relpath(file, root) for file in files]
    return load(Files(epath.Path(root), names, stamps, (), look_into), name=name)


def _padded(
    index: Index, boxes: Sequence[Any], labels: Sequence[Any] | None, most: int | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Boxes (M, B, 4) and their labels (M, B), filled up with boxes without an area."""
    rows = [_boxes(own, index.name(i)) for i, own in enumerate(boxes)]
    largest = max(map(len, rows), default=0)
    width = largest if most is None else most
    made, numbers = np.zeros((len(rows), width, 4), np.float32), np.zeros((len(rows), width), np.int32)
    for i, own in enumerate(rows):
        if len(own) > width:
            raise ConfigError(f"{index.name(i)} has {len(own)} boxes: more than most_boxes = {width}")
        if not np.isfinite(own).all() or (own[:, :2] > own[:, 2:]).any():
            raise ConfigError(f"{index.name(i)}: a box is y0, x0, y1, x1, and {own.tolist()} are not all so")
        height, width_of_image = index.sizes[i]
        if len(own) and (own.min() < 0 or own[:, 2].max() > height or own[:, 3].max() > width_of_image):
            raise ConfigError(f"{index.name(i)}: a box lies outside of its {height} x {width_of_image} pixels")
        made[i, : len(own)] = own
        if labels is not None:
            there = np.asarray(labels[i])
            if there.ndim != 1 or (there.size and not np.issubdtype(there.dtype, np.integer)):
                raise ConfigError(f"{index.name(i)}: labels of boxes are whole numbers, not {labels[i]!r}")
            if len(there) != len(own):
                raise ConfigError(f"{index.name(i)} has {len(own)} boxes, and {len(there)} labels of them")
            numbers[i, : len(own)] = there
    return made, None if labels is None else numbers


def _boxes(given: Any, file: str) -> np.ndarray:
    """(B, 4) float32; of an empty list none."""
    try:
        made = np.asarray(given, np.float32)
    except (ValueError, TypeError):
        made = None
    if made is not None and made.shape == (0,):
        return made.reshape(0, 4)
    if made is None or made.ndim != 2 or made.shape[1] != 4:
        raise ConfigError(f"{file}: boxes are rows of y0, x0, y1, x1, (B, 4), and {given!r} is not that")
    return made


def _label_images(
    masks: Sequence[str | os.PathLike[str]] | Index,
    images: Index,
    numbers: Mapping[int, int] | None,
    *,
    name: str,
    names: Sequence[str],
    only: bool,
) -> LabelImages:
    classes = len(names)
    if not 0 < classes < VOID:
        raise ConfigError(f"{name}: masks need 1 to {VOID - 1} classes, not {classes}")
    index = masks if isinstance(masks, Index) else index_of(masks, name=f"{name} masks", colours=False)
    try:
        check_names(names)
    except ValueError as error:
        raise ConfigError(f"{name}: mask: {error}") from None
    check_upright(index)
    check_sizes(index, images)
    table = None
    if numbers is not None:
        for number, label in numbers.items():
            if not (0 <= number < 256 and (0 <= label < classes or label == VOID)):
                wrong = f"{number}: {label}; numbers go to 255, classes to {classes - 1}"
                raise ConfigError(f"{name}: mask_numbers has {wrong}")
        table = lookup(numbers)
    made = LabelImages(index, classes, table, tuple(numbers) if numbers is not None and only else None)
    if not len(index):
        return made
    # Another list of classes is told before anything is trained
    looked = np.unique(np.linspace(0, len(index) - 1, _LOOKED_INTO).astype(np.int64)).tolist()
    found = set(np.flatnonzero(sum(np.bincount(made.labels(i).ravel(), minlength=256) for i in looked)).tolist())
    shown = f"{index.name(0)}, and all {len(looked)} label images looked into,"
    if found == {VOID}:
        raise ConfigError(f"{name}: {shown} have no labels")
    if found == {0, VOID} and classes == 2:
        raise ConfigError(
            f"{name}: {shown} hold {names[0]!r} and pixels without a label ({VOID}) alone: write 1 for {names[1]!r}"
        )
    return made
