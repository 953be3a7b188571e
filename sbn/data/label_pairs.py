"""Images and their label images as data sets lay them out: the pairs of a split become examples, in one way for all."""

import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from etils import epath

from sbn.config.errors import ConfigError
from sbn.data import splits
from sbn.data.encoded import ImageFiles
from sbn.data.folders import SUFFIXES
from sbn.data.image_files import image_files
from sbn.data.label_classes import LabelClasses


class Pair(NamedTuple):
    """An image and its label image: two files."""

    image: epath.Path
    labels: epath.Path


def examples(
    path: epath.Path,
    split: str,
    *,
    key: str,
    kind: str,
    classes: LabelClasses,
    there: Mapping[str, Callable[[], Sequence[Pair]]],
) -> ImageFiles:
    """Returns the images of a split, which stay in their files, with a 'mask'.

    Args:
        path: of the data set's folder.
        split: names of splits, and parts of them, as in 'train+val' or 'train[:100]'.
        key: that it stands under, for messages.
        kind: of data set, as `data.name` begins.
        classes: of the numbers in label images; another number is refused when it is met.
        there: what finds the pairs of each split, by its name.

    Raises:
        ConfigError: if there is no such split, a file can't be read, or an image and its labels differ in size.
    """
    found = {name: there[name]() for name in splits.names(split, key=key) if name in there}
    lengths = {name: len(pairs) for name, pairs in found.items()} | {name: 0 for name in there if name not in found}
    parts = splits.ids(split, lengths, key=key, of=f"{kind}:{path}")
    pairs = [pair for name, where in parts for pair in found[name][where]]
    if not pairs:
        raise ConfigError(f"{key} = {split!r} of {kind}:{path} holds no images")
    return image_files(
        [str(pair.image) for pair in pairs],
        name=f"{kind} {path.name} {split}",
        classes=classes.names,
        masks=[str(pair.labels) for pair in pairs],
        mask_numbers=classes.numbers,
        only_these_numbers=True,
    )


def image_names(folder: epath.Path) -> Iterator[tuple[str, epath.Path]]:
    """Yields the image files in a folder and its subfolders, sorted: (path in it without suffix, file).

    Raises:
        ConfigError: if there is no such folder, or two files of one name.
    """
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {folder}")
    last = None
    for found in sorted(pathlib.Path(folder).rglob("*")):  # label images lie on this machine
        file = epath.Path(found)
        inside = file.relative_to(folder)
        if file.suffix.lower() not in SUFFIXES or any(part.startswith(".") for part in inside.parts):
            continue
        if (name := inside.with_suffix("").as_posix()) == last:
            raise ConfigError(f"{folder} holds two images called {name}")
        last = name
        yield name, file


def matched(images: Mapping[str, epath.Path], labels: Mapping[str, epath.Path], *, where: epath.Path) -> list[Pair]:
    """Returns the images with the label images of their names, in the order of the images.

    Args:
        images: by name.
        labels: by name; there may be more of them.
        where: the label images lie, for messages.

    Raises:
        ConfigError: naming the first image that has no label image.
    """
    for name, file in images.items():
        if name not in labels:
            raise ConfigError(f"{file} has no label image in {where}")
    return [Pair(file, labels[name]) for name, file in images.items()]
