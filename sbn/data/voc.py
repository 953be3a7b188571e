"""Objects in images as PASCAL VOC lays them out: JPEGImages, Annotations (XML) and ImageSets/Main (lists of a split).

Other sets have taken that layout over. `data.name = 'voc:PATH'` reads it, with `data.train_split` and `data.test_split`
naming the lists, as in 'trainval' and 'test'.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
from etils import epath

from sbn.config.errors import ConfigError, shown, unknown
from sbn.data import splits
from sbn.data.encoded import ImageFiles
from sbn.data.objects import MOST_PIXELS, Objects, examples
from sbn.runs.content import read_bytes, read_text

# The twenty classes of PASCAL VOC, in its order
CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog"),
    *("horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
_SUFFIXES = (".jpg", ".jpeg", ".png")


class Annotation(NamedTuple):
    """The objects of one image.

    Attributes:
        boxes: (B, 4) float32, y0, x0, y1, x1 in pixels, half-open.
        names: of their classes.
        difficult: (B,) bool.
        dropped: how many objects had a box without an area.
    """

    boxes: np.ndarray
    names: tuple[str, ...]
    difficult: np.ndarray
    dropped: int


class _Folder(NamedTuple):
    """A folder in this layout: its image files and annotations, by the name of the image, and where its lists lie."""

    images: dict[str, epath.Path]
    annotations: dict[str, Annotation]
    lists: epath.Path


def read(path: epath.Path, split: str, *, key: str) -> ImageFiles:
    """Returns the images of a split, which stay in their files, with 'boxes', 'box_label' and 'box_difficult'.

    The classes are PASCAL VOC's where no annotation of the folder names another one; else those that its annotations
    name, in alphabetical order.

    Args:
        path: of the folder; or of one with several, as VOCdevkit has one for each year.
        split: names of lists, and parts of them, as in 'train+val' or 'trainval[:100]'; of several folders as in
            'VOC2007/trainval+VOC2012/trainval'.
        key: that it stands under, for messages.

    Raises:
        ConfigError: naming the file: of a folder, list, image or annotation that is missing or damaged, with the
            number of the object where it is about one.
    """
    named = splits.names(split, key=key)
    places = {place: _folder(path / place, f"data.name = 'voc:{path}'") for place in {_place(name) for name in named}}
    known = [own for folder in places.values() for own in folder.annotations.values()]
    classes, most = _classes(known), max(len(own.names) for own in known)
    numbers = {name: k for k, name in enumerate(classes)}
    whole = {name: _listed(places[_place(name)], name.rpartition("/")[2]) for name in named}
    lengths = {name: len(found) for name, found in whole.items()}
    chosen = [
        one for part, where in splits.ids(split, lengths, key=key, of=f"voc:{path}") for one in whole[part][where]
    ]
    return examples(
        [str(file) for file, _ in chosen],
        [
            Objects(own.boxes, [numbers[name] for name in own.names], own.difficult, dropped=own.dropped)
            for _, own in chosen
        ],
        name=f"voc {path.name} {split}",
        of=f"voc:{path}, {split!r}",
        classes=classes,
        most=most,  # of every split, so that they are alike
    )


def _place(name: str) -> str:
    """The folder that a list lies in: '' for the data set's own."""
    return name.rpartition("/")[0]


def _folder(path: epath.Path, what: str) -> _Folder:
    lists = path / "ImageSets" / "Main"
    for folder in (path / "JPEGImages", path / "Annotations", lists):
        if not folder.is_dir():
            raise ConfigError(f"{what}: there is no folder {folder}")
    return _Folder(_images(path / "JPEGImages"), _annotations(path / "Annotations"), lists)


def _listed(folder: _Folder, split: str) -> list[tuple[epath.Path, Annotation]]:
    """The image files that a list names, with their annotations."""
    names = _names(folder.lists, split)
    for name in names:
        for what, there in (("image", folder.images), ("annotation", folder.annotations)):
            if name not in there:
                raise unknown(f"{what} named in {folder.lists}:", name, there)
    return [(folder.images[name], folder.annotations[name]) for name in names]


def annotation(file: epath.Path) -> Annotation:
    """Returns what an XML file says of the objects in its image.

    VOC counts pixels from 1 and means the last one too: xmin to xmax covers xmin - 1 to xmax. Boxes that begin at 0,
    as in sets that count otherwise, are cut off there.

    Raises:
        ConfigError: naming the file, and the number of the object, counted from 1.
    """
    try:
        root = ElementTree.fromstring(read_bytes(file) or b"")
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # no XML, or in an encoding that nobody knows
        raise (error if isinstance(error, ConfigError) else ConfigError(f"{file} can't be read: {error}")) from None
    boxes, names, difficult = [], [], []
    objects = root.findall("object")
    for number, one in enumerate(objects, start=1):
        what, name = f"{file}, object {number}", (one.findtext("name") or "").strip()
        if not name:
            raise ConfigError(f"{what} has no name")
        x0, y0, x1, y1 = (_number(one, f"bndbox/{edge}", what) for edge in ("xmin", "ymin", "xmax", "ymax"))
        if x1 < x0 or y1 < y0:
            raise ConfigError(f"{what} ends before it begins: xmin {x0:g}, ymin {y0:g}, xmax {x1:g}, ymax {y1:g}")
        if x1 == x0 or y1 == y0:
            continue
        boxes.append((max(y0 - 1, 0), max(x0 - 1, 0), y1, x1))
        names.append(name)
        difficult.append((one.findtext("difficult") or "0").strip() == "1")
    kept = np.asarray(boxes, np.float32).reshape(-1, 4)
    return Annotation(kept, tuple(names), np.asarray(difficult, bool), len(objects) - len(boxes))


def _number(one: ElementTree.Element, path: str, what: str) -> float:
    text = one.findtext(path)
    try:
        value = float(text or "")
    except ValueError:
        value = np.nan
    if not abs(value) < MOST_PIXELS:
        raise ConfigError(f"{what}: {path} is {shown(text)}, not a number of pixels")
    return value


def _images(folder: epath.Path) -> dict[str, epath.Path]:
    """The image files by name without their suffix."""
    found: dict[str, epath.Path] = {}
    for file in _of_kind(folder, _SUFFIXES):
        if file.stem in found:
            raise ConfigError(f"{file} and {found[file.stem].name} are both the image {file.stem!r}: remove one")
        found[file.stem] = file
    return found


def _annotations(folder: epath.Path) -> dict[str, Annotation]:
    """All of a folder, by the name of the image."""
    found = {file.stem: annotation(file) for file in _of_kind(folder, (".xml",))}
    if not any(own.names for own in found.values()):
        raise ConfigError(f"{folder} names no objects")
    return found


def _of_kind(folder: epath.Path, suffixes: Sequence[str]) -> list[epath.Path]:
    """The files of a kind, in order, without hidden ones, which some systems put beside every file."""
    return [file for file in sorted(folder.iterdir()) if file.suffix.lower() in suffixes and file.name[0] != "."]


def _classes(annotations: Iterable[Annotation]) -> Sequence[str]:
    names = {name for own in annotations for name in own.names}
    return CLASSES if names <= set(CLASSES) else sorted(names)


def _names(lists: epath.Path, split: str) -> list[str]:
    file = lists / f"{split}.txt"
    if not file.exists():
        raise unknown(f"list in {lists}:", split, [own.stem for own in lists.glob("*.txt")])
    return [line.split()[0] for line in (read_text(file) or "").splitlines() if line.strip()]
