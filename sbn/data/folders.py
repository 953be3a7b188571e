"""Folders of image files, one subfolder per class: a user's own, and ImageNet as published.

Hidden files and folders, and those that systems leave behind, are neither images nor classes.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from etils import epath

from sbn.config.data_keys import TEST_SHARE
from sbn.config.errors import ConfigError, shown, unknown
from sbn.data.decode import look
from sbn.data.index import Entry, Files

SUFFIXES = (".jpeg", ".jpg", ".png", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
_LEFT_BEHIND = {"__macosx", "thumbs.db", "desktop.ini", "@eadir", "lost+found", "$recycle.bin", "__pycache__"}
VALIDATION = ("val", "validation", "valid")


class _File(NamedTuple):
    """An image file: its path in the folder, parts joined by '/', its class, its size in bytes and its time."""

    name: str
    label: str
    size: int
    time: float


def own(path: epath.Path, split: str, *, test_share: float) -> Files:
    """Returns the files of one split of a user's folder.

    PATH/train/CLASS/* and PATH/test/CLASS/* (or val, validation, valid), or PATH/CLASS/*, of which a share is the test
    split: which files these are follows from their paths alone, so that it stays when others are added.

    Args:
        path: of the folder.
        split: 'train', 'test', or the name of a folder that is there.
        test_share: of a folder without `train`, from 0 to 1.

    Raises:
        ConfigError: if it is not there, holds no images, or has empty classes, or test classes that train lacks.
    """
    if not path.is_dir():
        raise ConfigError(f"data.name = 'folder:{path}': there is no such folder; write folder:FOLDER")
    if (path / "train").is_dir():
        check_no_share(path, test_share)
        there = {name: name for name in ("train", "test", *VALIDATION) if (path / name).is_dir()}
        validation = next((name for name in VALIDATION if name in there), None)
        folders = {**({name: validation for name in ("validation", "test")} if validation else {}), **there}
        return _published(path, split, folders, upright=True, empty=False)
    classes = _subfolders(path)
    found = [file for name in classes for file in _images(path, name, name)]
    _check_none_is_empty(path, classes, found)
    if split not in ("train", "test"):
        raise unknown(f"split of {path}, which has no folder train", split, ("train", "test"))
    chosen = [file for file in found if (place(file.name) < test_share) == (split == "test")]
    if not chosen:
        raise ConfigError(f"{path}: with data.test_share = {test_share:g} no image of {len(found)} is in {split!r}")
    return _files(path, chosen, classes, upright=True)


def check_no_share(path: epath.Path, test_share: float) -> None:
    """Raises a `ConfigError` if a share of test images is wanted of a folder that has splits of its own."""
    if test_share != TEST_SHARE:
        raise ConfigError(f"data.test_share = {test_share:g} has no effect with {path}, which has a folder train")


def published(path: epath.Path, split: str) -> Files:
    """Returns the files of a split of an ImageNet, PATH/train/CLASS/* and PATH/val/CLASS/*.

    Args:
        path: of the folder.
        split: as TFDS calls it: 'train' or 'validation'.

    Raises:
        ConfigError: if the split is not there, or not whole.
    """
    return _published(path, split, {"train": "train", "validation": "val"}, upright=False, empty=True)


def _published(path: epath.Path, split: str, folders: Mapping[str, str], *, upright: bool, empty: bool) -> Files:
    """The files of one of the folders, which has the classes of the folder train; `empty`: they may have no images."""
    if split not in folders:
        raise unknown(f"split of {path}", split, folders)
    classes, root = _subfolders(path / "train"), path / folders[split]
    known = set(classes)
    for name in (its := _subfolders(root)):
        if name not in known:
            own = f"{', '.join(classes[:12])}{', ...' * (len(classes) > 12)}"
            raise ConfigError(f"{root / name} has no counterpart in {path / 'train'} ({own}): rename or remove it")
    found = [file for name in its for file in _images(path, f"{folders[split]}/{name}", name)]
    if not found:
        raise ConfigError(f"{root} holds no CLASS/*.JPEG: expected one folder per class")
    if not empty:
        _check_none_is_empty(root, its, found)
    return _files(path, found, classes, upright=upright)


def _files(root: epath.Path, found: Sequence[_File], classes: Sequence[str], *, upright: bool) -> Files:
    number = {name: label for label, name in enumerate(classes)}
    label_of = {file.name: number[file.label] for file in found}

    def look_into(name: str) -> list[Entry]:
        path = root / name
        try:
            with path.open("rb") as file:
                size = look(file, upright=upright)
                return [Entry(0, file.seek(0, os.SEEK_END), label_of[name], *size)]
        except OSError as error:
            raise ConfigError(f"{path} can't be read: {error}") from None

    stamps = [(file.size, file.time) for file in found]
    return Files(root, [file.name for file in found], stamps, tuple(map(_text, classes)), look_into, upright)


def _text(name: str) -> str:
    """The name of a folder in UTF-8, whatever the locale, in which Python may have kept its bytes undecoded."""
    try:
        return os.fsencode(name).decode()
    except UnicodeEncodeError:  # it comes from a bucket, decoded
        return name
    except UnicodeDecodeError:
        raise ConfigError(f"the class folder {shown(name)} has a name that is not UTF-8: rename it") from None


def _check_none_is_empty(root: epath.Path, classes: Sequence[str], found: Sequence[_File]) -> None:
    if not classes:
        raise ConfigError(f"{root} holds no folders: expected one folder of images per class")
    empty = sorted(set(classes) - {file.label for file in found})
    if empty:
        more = f" and {len(empty) - 1} more" if len(empty) > 1 else ""
        raise ConfigError(f"{root / empty[0]}{more} holds no images ({', '.join(SUFFIXES)}): remove or fill it")


def _subfolders(path: epath.Path) -> list[str]:
    if "://" in str(path):
        return sorted(entry.name for entry in path.glob("*") if not _hidden(entry.name) and entry.is_dir())
    with os.scandir(path) as entries:
        return sorted(entry.name for entry in entries if not _hidden(entry.name) and entry.is_dir())


def _images(root: epath.Path, folder: str, label: str) -> Iterator[_File]:
    """The images in a folder and the folders in it, in the order of their names."""
    path = root / folder
    if "://" in str(path):
        for entry in sorted(path.glob("*")):
            if not _hidden(entry.name) and entry.suffix.lower() in SUFFIXES:
                stat = entry.stat()
                yield _File(f"{folder}/{entry.name}", label, stat.length, stat.mtime)
        return
    with os.scandir(path) as unordered:
        entries = sorted((entry for entry in unordered if not _hidden(entry.name)), key=lambda entry: entry.name)
    for entry in entries:
        name = f"{folder}/{entry.name}"
        if entry.is_dir():
            yield from _images(root, name, label)
        elif os.path.splitext(entry.name)[1].lower() in SUFFIXES:
            if not entry.is_file():  # a link to nothing; or a pipe, which would never end
                raise ConfigError(f"{root / name} can't be read: it is not a file, or points to nothing")
            stat = entry.stat()
            yield _File(name, label, stat.st_size, stat.st_mtime_ns)


def _hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _LEFT_BEHIND


def place(name: str) -> float:
    """Returns a number in [0, 1) that follows from a path in a folder."""
    return int.from_bytes(hashlib.sha256(os.fsencode(name)).digest()[:8], "big") / 2**64
