"""Tiny-ImageNet: 200 classes of 500 + 50 images of 64 x 64, read into memory from its folder, its zip, or records.

Labels number the sorted WordNet ids of wnids.txt. The unlabelled test images are of no use here.
"""

import zipfile
from collections.abc import Callable, Iterable

import numpy as np
from etils import epath

from sbn.config.errors import ConfigError, unknown
from sbn.data import tfrecords
from sbn.data.decode import decode_all
from sbn.data.examples import InMemory, in_memory
from sbn.data.layouts import find
from sbn.runs import progress
from sbn.runs.content import is_file, read_bytes

SPLITS = ("train", "validation")


def read(data_dir: str | None, split: str) -> InMemory:
    """Reads a split, examples in the order of their file names (of the annotations, for validation).

    Args:
        data_dir: the folder, the zip, or a folder that holds one of them or what TFDS prepared; None: TFDS_DATA_DIR.
        split: 'train' or 'validation'.

    Raises:
        ConfigError: if it is not there, or not whole.
    """
    if split not in SPLITS:
        raise unknown("split of 'tiny_imagenet'", split, SPLITS)
    kind, path = find("tiny_imagenet", data_dir)
    if kind == "records":
        return _examples(*tfrecords.read(path, split), tfrecords.class_names(path), f"{path}, {split}")
    if kind == "zip":
        try:
            if not is_file(path):
                raise ConfigError(f"{path} is not a complete zip file: it is not a file")
            with zipfile.ZipFile(path) as archive:
                return _read(archive.namelist(), archive.read, split, shown=str(path))
        except ConfigError:
            raise
        except Exception as error:  # encrypted, cut, damaged: zipfile and zlib have many words for it
            raise ConfigError(f"{path} is not a complete zip file: {str(error) or type(error).__name__}") from None
    names = (str(file.relative_to(path)) for file in _files(path, split))
    return _read(names, lambda name: _content(path / name), split, shown=str(path))


def _content(path: epath.Path) -> bytes:
    content = read_bytes(path)
    if content is None:
        raise ConfigError(f"{path} does not exist")
    return content


def _files(path: epath.Path, split: str) -> list[epath.Path]:
    lists = [path / "wnids.txt", path / "val/val_annotations.txt"]
    return [path for path in lists if path.exists()] + sorted(
        path.glob("train/*/images/*" if split == "train" else "val/images/*")
    )


def _read(names: Iterable[str], read: Callable[[str], bytes], split: str, *, shown: str) -> InMemory:
    """Reads a split from files of which only names and a reader are known; all may lie in one folder more."""
    listed = list(names)
    prefix = next((name.removesuffix("wnids.txt") for name in listed if name.endswith("wnids.txt")), "")
    there = {name.removeprefix(prefix): name for name in listed}
    class_names = sorted(_text("wnids.txt", there, read, shown).split())
    number = {name: label for label, name in enumerate(class_names)}
    if split == "train":
        images = sorted(name for name in there if name.startswith("train/") and name.lower().endswith(".jpeg"))
        labelled = [(name, name.split("/")[1]) for name in images]
    else:
        lines = _text("val/val_annotations.txt", there, read, shown).splitlines()
        pairs = [line.split("\t") for line in lines if line]
        if any(len(pair) < 2 for pair in pairs):
            raise ConfigError(f"{shown}: val/val_annotations.txt is damaged: it has a line without a tab")
        labelled = [(f"val/images/{name}", wnid) for name, wnid, *_ in pairs]
    for name, wnid in labelled:
        _present(there, name, shown)
        if wnid not in number:
            raise unknown(f"class of {name} in {shown}", wnid, class_names)
    if not labelled:
        raise ConfigError(f"{shown} holds no images of {split!r}: train/WNID/images/*.JPEG and val/images/*.JPEG")
    labels = np.array([number[wnid] for _, wnid in labelled], np.int32)
    files = [there[name] for name, _ in labelled]
    encoded = [read(name) for name in progress.shown(files, f"{shown}: reading {split} images")]
    pixels = decode_all(encoded, [f"{shown}: {name}" for name, _ in labelled])
    return _examples(pixels, labels, class_names, f"{shown}, {split}")


def _examples(images: np.ndarray, labels: np.ndarray, class_names: list[str], name: str) -> InMemory:
    return in_memory({"image": images, "label": labels}, name=name, classes=class_names)


def _text(name: str, there: dict[str, str], read: Callable[[str], bytes], shown: str) -> str:
    try:
        return read(_present(there, name, shown)).decode()
    except UnicodeDecodeError:
        raise ConfigError(f"{shown}: {name} is damaged: it is not text") from None


def _present(there: dict[str, str], name: str, shown: str) -> str:
    if name not in there:
        raise ConfigError(f"{shown} is incomplete: it lacks {name}")
    return there[name]
