"""Released corrupted sets: where their files lie, and reading two of their three forms; TFDS's is in `records`.

CIFAR-10-C and CIFAR-100-C are arrays: TYPE.npy, the severities one after the other, and labels.npy. ImageNet-C is
folders: GROUP/TYPE/SEVERITY/WNID/*.JPEG, or the same without GROUP.
"""

import functools
import os
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sbn.config.environment import expanded
from sbn.config.errors import ConfigError
from sbn.data.corruptions import records
from sbn.data.corruptions.images import Encoded, Images, Released
from sbn.data.corruptions.kinds import GROUPS, SEVERITIES
from sbn.runs.content import first_line, read_bytes

LABELS = "labels.npy"


def find_arrays(folder: pathlib.Path, kinds: Sequence[str], *, name: str) -> Released:
    """Returns what a folder of arrays holds, mapped into memory.

    Args:
        folder: where TYPE.npy, (5M, H, W, 3) uint8, and labels.npy, (5M,), lie.
        kinds: the types that are needed.
        name: of the set.

    Raises:
        ConfigError: if files are missing, or are not of that form.
    """
    missing = [f"{kind}.npy" for kind in kinds if not (folder / f"{kind}.npy").is_file()]
    if missing:
        raise ConfigError(f"{folder} lacks {', '.join(missing)}: {name} is incomplete there")
    every = _mapped(folder / LABELS)
    count = len(every) // len(SEVERITIES)
    labels = every[:count].astype(np.int32)
    if every.ndim != 1 or not np.array_equal(every, np.tile(labels, len(SEVERITIES))):
        raise ConfigError(f"{folder / LABELS} does not repeat the labels of one test set {len(SEVERITIES)} times")

    def read(kind: str, severity: int) -> Images:
        path = folder / f"{kind}.npy"
        images = _mapped(path)
        if images.dtype != np.uint8 or images.ndim != 4 or len(images) != len(every):
            raise ConfigError(f"{path} holds {images.dtype} {images.shape}, not uint8 ({len(every)}, H, W, 3)")
        first = SEVERITIES.index(severity) * count
        return images[first : first + count]

    return Released(labels, read, f"{name} as released, from {folder}")


def _mapped(path: pathlib.Path) -> np.ndarray:
    try:
        if not path.is_file():
            raise OSError("it is not a file")
        found = np.lib.format.open_memmap(path, mode="r")
        if path.stat().st_size != found.offset + found.nbytes:
            raise ValueError(f"it is not as long as {found.dtype} {found.shape} are")
        return found
    except Exception as error:  # NumPy and mmap have many words for a damaged header
        raise ConfigError(f"{path} can't be read: {first_line(error)}") from None


_SIDE = 224


def present(folder: pathlib.Path) -> bool:
    """Returns whether a folder is laid out like this, with one type at least."""
    return any(_place(folder, kind).is_dir() for kinds in GROUPS.values() for kind in kinds)


def find_folders(folder: pathlib.Path, kinds: Sequence[str], *, name: str, classes: int) -> Released:
    """Returns what such a folder holds; images are read when they are asked for, those of ImageNet by their numbers.

    Args:
        folder: of the groups, or of the types.
        kinds: the types that are needed.
        name: of the set.
        classes: number of classes; a label is the place of the WNID among all of them, sorted.

    Raises:
        ConfigError: if types, severities, classes or images are missing.
    """
    wanted = [_place(folder, kind) / str(severity) for kind in kinds for severity in SEVERITIES]
    missing = [str(path.relative_to(folder)) for path in wanted if not path.is_dir()]
    if missing:
        raise ConfigError(f"{folder} lacks {', '.join(missing)}: {name} is incomplete there")
    files = _files(wanted[0])
    wnids = sorted({file.parent.name for file in files})
    if len(wnids) != classes:
        raise ConfigError(
            f"{wanted[0]} has images of {len(wnids)} of the {classes} classes: the labels can't be determined"
        )
    labels = np.array([wnids.index(file.parent.name) for file in files], np.int32)
    inside = [file.relative_to(wanted[0]) for file in files]

    def read(kind: str, severity: int) -> Images:
        place = _place(folder, kind) / str(severity)
        here = [file.relative_to(place) for file in _files(place)]
        if here != inside:
            differing = min(set(here) ^ set(inside))
            raise ConfigError(f"{place} and {wanted[0]} do not hold the same images: only one of them has {differing}")
        return Encoded(functools.partial(_read_file, place, inside, labels), labels, _SIDE)

    return Released(labels, read, f"{name} as released, from {folder}")


def _place(folder: pathlib.Path, kind: str) -> pathlib.Path:
    group = next(group for group, kinds in GROUPS.items() if kind in kinds)
    return folder / group / kind if (folder / group / kind).is_dir() else folder / kind


def _files(place: pathlib.Path) -> list[pathlib.Path]:
    """By file name, the order of the validation set: so the first images are of many classes."""
    return sorted(place.glob("*/*.JPEG"), key=lambda file: (file.name, file.parent.name))


def _read_file(
    place: pathlib.Path, inside: Sequence[pathlib.Path], labels: np.ndarray, number: int
) -> tuple[bytes, int, str]:
    file = place / inside[number]
    return read_bytes(file) or b"", int(labels[number]), str(file)


class _Benchmark(NamedTuple):
    """A data set's corrupted version: what the release and TFDS call it, and how to get it."""

    name: str
    records: str | None
    how: str


_PAPER = "of Hendrycks and Dietterich (2019)"
BENCHMARKS = {
    "cifar10": _Benchmark(
        "CIFAR-10-C",
        "cifar10_corrupted",
        f"unpack CIFAR-10-C.tar {_PAPER} there, or run `tfds build cifar10_corrupted/TYPE_SEVERITY`",
    ),
    "cifar100": _Benchmark("CIFAR-100-C", None, f"unpack CIFAR-100-C.tar {_PAPER} there"),
    "imagenet2012": _Benchmark(
        "ImageNet-C",
        "imagenet2012_corrupted",
        f"unpack noise.tar, blur.tar, weather.tar and digital.tar of ImageNet-C {_PAPER} there",
    ),
}


def find(data: str, directory: str | None, kinds: Sequence[str], *, classes: int) -> Released:
    """Returns the released version of a data set.

    Args:
        data: name of the data set.
        directory: the folder of the files, one that holds it under its own name, or a TFDS data_dir; None: where TFDS
            keeps its data sets.
        kinds: the types that are needed, all five severities of each.
        classes: number of classes of the data set.

    Raises:
        ConfigError: if there is no released version, or it is not there, or not whole.
    """
    if data not in BENCHMARKS:
        known = ", ".join(BENCHMARKS)
        raise ConfigError(
            f"no corrupted version of {data!r} was released, only of {known}: set the source "
            "(eval.corruptions.source) to 'generated'"
        )
    name, tfds_name, how = BENCHMARKS[data]
    root = expanded(directory or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets")
    for folder in (root, root / name):
        if (folder / LABELS).is_file():
            return find_arrays(folder, kinds, name=name)
        if present(folder):
            return find_folders(folder, kinds, name=name, classes=classes)
    if tfds_name and (root / tfds_name).is_dir():
        return records.find(root, kinds, name=tfds_name)
    looked = ", ".join(part for part in (LABELS, name, tfds_name) if part)
    raise ConfigError(f"no {name} in {root} (looked for {looked}): {how}")
