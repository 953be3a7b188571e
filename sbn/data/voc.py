"""Objects in images as PASCAL VOC lays them out: JPEGImages, Annotations (XML) and ImageSets/Main (lists of a split).

Other sets have taken that layout over. `data.name = 'voc:PATH'` reads it, with `data.train_split` and `data.test_split`
naming the lists, as in 'trainval' and 'test'. `PATH/labels.txt`, a class in each line, says which classes there are.
"""

import re
import sys
from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple

from etils import epath

from sbn.config.errors import ConfigError, first_repeated, shown, unknown
from sbn.data import splits
from sbn.data.encoded import ImageFiles
from sbn.data.folders import SUFFIXES
from sbn.data.objects import Objects, examples
from sbn.data.voc_annotation import Annotation, annotation
from sbn.runs.content import read_text

# The twenty classes of PASCAL VOC, in its order
CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog"),
    *("horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
_LABELS = "labels.txt"
_FLAG = re.compile(r"\s+(-1|0|1)$")  # of a class, behind the names in the lists that VOC has for each of them


class _Folder(NamedTuple):
    """A folder in this layout: its image files and annotations, by the name of the image, and where its lists lie."""

    images: dict[str, epath.Path]
    annotations: dict[str, Annotation]
    lists: epath.Path


def read(path: epath.Path, split: str, *, key: str) -> ImageFiles:
    """Returns the images of a split, which stay in their files, with 'boxes', 'box_label' and 'box_difficult'.

    The classes are those in labels.txt. Without it they are PASCAL VOC's where no annotation of the folder names
    another one; else those that its annotations name, in alphabetical order.

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
    listed, what = _labels(path / _LABELS), f"data.name = 'voc:{path}'"
    places = {place: _folder(path / place, what, listed) for place in {_place(name) for name in named}}
    known = [own for folder in places.values() for own in folder.annotations.values()]
    classes, most = listed or _classes(known), max(len(own.names) for own in known)
    numbers = {name: k for k, name in enumerate(classes)}
    whole = {name: _listed(places[_place(name)], name.rpartition("/")[2]) for name in named}
    lengths = {name: len(found) for name, found in whole.items()}
    chosen = [
        one for part, where in splits.ids(split, lengths, key=key, of=f"voc:{path}") for one in whole[part][where]
    ]
    made = examples(
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
    _tell_other_sizes(made, [own for _, own in chosen], f"voc:{path}, {split!r}")
    return made


def _tell_other_sizes(made: ImageFiles, annotations: Sequence[Annotation], of: str) -> None:
    """Prints how many images are not as large as their annotations say, which may be of another version of them."""
    sizes = [tuple(size) for size in made.index.sizes.tolist()]
    other = [i for i, own in enumerate(annotations) if own.size not in (None, sizes[i])]
    if other:
        (height, width), noted = sizes[other[0]], annotations[other[0]].size or (0, 0)
        print(
            f"{of}: {len(other)} images have another size than their annotations say, the first is "
            f"{made.index.name(other[0])}: {width} pixels wide and {height} high, not {noted[1]} and {noted[0]}. Boxes "
            "are taken to be in pixels of the file",
            file=sys.stderr,
        )


def _place(name: str) -> str:
    """The folder that a list lies in: '' for the data set's own."""
    return name.rpartition("/")[0]


def _folder(path: epath.Path, what: str, classes: Sequence[str]) -> _Folder:
    lists = path / "ImageSets" / "Main"
    if not path.is_dir():
        raise ConfigError(f"{what}: there is no folder {path}")
    inner = sorted(found.parent.name for found in path.glob("*/JPEGImages"))
    if inner and not (path / "JPEGImages").is_dir():
        raise ConfigError(
            f"{what} is of several folders ({', '.join(inner)}): name one with the list, '{inner[0]}/trainval'"
        )
    for folder in (path / "JPEGImages", path / "Annotations", lists):
        if not folder.is_dir():
            raise ConfigError(f"{what}: there is no folder {folder}")
    return _Folder(_images(path / "JPEGImages"), _annotations(path / "Annotations", classes), lists)


def _listed(folder: _Folder, split: str) -> list[tuple[epath.Path, Annotation]]:
    """The image files that a list names, with their annotations."""
    names = _names(folder.lists, split, folder.images)
    for name in names:
        for what, there in (("image", folder.images), ("annotation", folder.annotations)):
            if name not in there:
                raise unknown(f"{what} named in {folder.lists / split}.txt:", name, there)
    return [(folder.images[name], folder.annotations[name]) for name in names]


def _images(folder: epath.Path) -> dict[str, epath.Path]:
    """The image files by name without their suffix."""
    found: dict[str, epath.Path] = {}
    for file in _of_kind(folder, SUFFIXES):
        if file.stem in found:
            raise ConfigError(f"{file} and {found[file.stem].name} are both the image {file.stem!r}: remove one")
        found[file.stem] = file
    return found


def _annotations(folder: epath.Path, classes: Sequence[str]) -> dict[str, Annotation]:
    """All of a folder, by the name of the image."""
    found = {file.stem: annotation(file, classes) for file in _of_kind(folder, (".xml",))}
    if not any(own.names for own in found.values()):
        raise ConfigError(f"{folder} names no objects")
    return found


def _of_kind(folder: epath.Path, suffixes: Sequence[str]) -> list[epath.Path]:
    """The files of a kind, in order, without hidden ones, which some systems put beside every file."""
    return [file for file in sorted(folder.iterdir()) if file.suffix.lower() in suffixes and file.name[0] != "."]


def _classes(annotations: Iterable[Annotation]) -> Sequence[str]:
    names = {name for own in annotations for name in own.names}
    return CLASSES if names <= set(CLASSES) else sorted(names)


def _labels(file: epath.Path) -> tuple[str, ...]:
    """The classes that a file lists, in its order; none where there is no such file."""
    names = _lines(file)
    if file.exists() and not names:
        raise ConfigError(f"{file} lists no classes")
    _check_once(names, file)
    return tuple(names)


def _names(lists: epath.Path, split: str, images: Container[str]) -> list[str]:
    """The names of images in a list, without the flags of a class that may stand behind them."""
    file = lists / f"{split}.txt"
    if not file.exists():
        raise unknown(f"list in {lists}:", split, [own.stem for own in lists.glob("*.txt")])
    names = [line if line in images else _FLAG.sub("", line) for line in _lines(file)]
    _check_once(names, file)
    return names


def _lines(file: epath.Path) -> list[str]:
    """The lines of a text file that hold anything."""
    return [line.strip() for line in (read_text(file) or "").split("\n") if line.strip()]


def _check_once(names: Sequence[str], file: epath.Path) -> None:
    if (twice := first_repeated(names)) is not None:
        raise ConfigError(f"{file} lists {shown(twice)} twice")
