"""A whole data set in one .npz file, which NumPy reads alone: for machines without TensorFlow.

Format 1: `format` (the number 1), `name`, `class_names` (C,), and of every split `SPLIT_images` (M, H, W, 3) uint8 and
`SPLIT_labels` (M,) int32, in the order of TFDS's files, so that ids, orders and batches are those of the TFDS source.
Nothing is compressed: images of this kind hardly shrink, and CIFAR (184 MB) loads in a fraction of a second.
"""

import os
import pathlib
import re
import zipfile
from collections.abc import Mapping, Sequence

import numpy as np

from sbn.config.errors import ConfigError, unknown
from sbn.runs.atomic import replacing

FORMAT = 1
Examples = tuple[np.ndarray, np.ndarray]


def write(
    path: os.PathLike[str] | str, *, name: str, class_names: Sequence[str], splits: Mapping[str, Examples]
) -> None:
    """Writes an archive; a reader, or a kill, finds the old file or the new one whole."""
    arrays = {"format": np.array(FORMAT), "name": np.array(name), "class_names": np.array(class_names)}
    for split, (images, labels) in splits.items():
        arrays |= {f"{split}_images": images, f"{split}_labels": labels.astype(np.int32)}
    target = pathlib.Path(path).expanduser()
    with replacing(target) as file:
        np.savez(file, allow_pickle=False, **arrays)


def read(path: str, *, name: str, split: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Returns images, labels and class names of a split, which may be cut: 'train', 'train[:45000]', 'train[-5000:]'.

    Args:
        path: of the archive.
        name: of the data set it should hold.
        split: a split of the archive, with or without [START:STOP].

    Raises:
        ConfigError: no such file, split or cut, another data set, or a format this version can't read.
    """
    try:
        file = np.load(pathlib.Path(path).expanduser(), allow_pickle=False)
    except FileNotFoundError:
        message = f"data.archive = {path!r} is not there: `python -m sbn.data.prepare {name} --out={path}` makes it"
        raise ConfigError(message) from None
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise ConfigError(f"data.archive = {path!r} is no archive: {str(error).splitlines()[0]}") from None
    if not isinstance(file, np.lib.npyio.NpzFile):
        raise ConfigError(f"data.archive = {path!r} is no archive: it is a single array")
    with file:
        found = int(file["format"]) if "format" in file else None
        if found != FORMAT:
            raise ConfigError(f"data.archive = {path!r} has format {found}; this version reads format {FORMAT}")
        if str(file["name"]) != name:
            raise ConfigError(f"data.archive = {path!r} holds {str(file['name'])!r}, not data.name = {name!r}")
        splits = [key.removesuffix("_images") for key in file if key.endswith("_images")]
        base, cut = parse_split(split)
        if base not in splits:
            raise unknown(f"split of {path}", base, splits)
        try:
            return file[f"{base}_images"][cut], file[f"{base}_labels"][cut], file["class_names"].tolist()
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise ConfigError(f"data.archive = {path!r} is damaged: {str(error).splitlines()[0]}") from None


def parse_split(split: str) -> tuple[str, slice]:
    """Returns the name of a split and which of its examples are meant: 'train[:9]' is ('train', slice(None, 9)).

    Raises:
        ConfigError: if it is cut by anything but whole numbers.
    """
    match = re.fullmatch(r"(\w+)(?:\[(-?\d*):(-?\d*)\])?", split)
    if match is None:
        raise ConfigError(f"split {split!r} is no split cut by whole numbers, such as 'train[:45000]'")
    base, start, stop = match.groups()
    return base, slice(int(start) if start else None, int(stop) if stop else None)
