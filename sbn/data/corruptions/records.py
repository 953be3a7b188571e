"""Corrupted sets that TFDS has prepared: cifar10_corrupted and imagenet2012_corrupted, a config a type and severity."""

import functools
import os
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sbn.config.errors import ConfigError
from sbn.data import tfrecords
from sbn.data.corruptions.images import Encoded, Images, Released
from sbn.data.corruptions.kinds import SEVERITIES

# What TFDS calls a type in a data set, where that is another word.
_CIFAR_NAMES = {"glass_blur": "frosted_glass_blur", "elastic_transform": "elastic"}


class _Kind(NamedTuple):
    """A data set of TFDS: its split, the side of its images, other names of types, and what to say of it."""

    split: str
    side: int
    names: dict[str, str]
    about: str


_KINDS = {
    "cifar10_corrupted": _Kind("test", 32, _CIFAR_NAMES, "the released images"),
    "imagenet2012_corrupted": _Kind(
        "validation", 224, {}, "made anew by TFDS from other crops, and so not comparable with ImageNet-C's files"
    ),
}


class _Record(NamedTuple):
    """Where an encoded image lies, and its label."""

    path: str
    start: int
    length: int
    label: int


def find(data_dir: pathlib.Path, kinds: Sequence[str], *, name: str) -> Released:
    """Returns what a data_dir holds; images are read when they are asked for, labels now.

    Every file is read once before, its checksums compared.

    Args:
        data_dir: of TFDS.
        kinds: the types that are needed.
        name: 'cifar10_corrupted' or 'imagenet2012_corrupted'.

    Raises:
        ConfigError: if configs are missing or not whole.
    """
    kind_of = _KINDS[name]

    def config(kind: str, severity: int) -> str:
        return f"{name}/{kind_of.names.get(kind, kind)}_{severity}"

    configs = [config(kind, severity) for kind in kinds for severity in SEVERITIES]
    missing = [each for each in configs if not any((data_dir / each).glob("*/dataset_info.json"))]
    if missing:
        raise ConfigError(f"{data_dir} lacks {', '.join(missing)}: run `tfds build {missing[0]}`, and so on")
    first = _records(configs[0], data_dir, kind_of.split)
    labels = np.array([record.label for record in first], np.int32)

    def read(kind: str, severity: int) -> Images:
        found = _records(config(kind, severity), data_dir, kind_of.split)
        if len(found) != len(labels):
            raise ConfigError(f"{config(kind, severity)} has {len(found)} images, {configs[0]} {len(labels)}")
        return Encoded(functools.partial(_fetch, found), labels, kind_of.side)

    return Released(labels, read, f"{name} of TFDS, {kind_of.about}; from {data_dir}")


def _records(config: str, data_dir: pathlib.Path, split: str) -> list[_Record]:
    """Returns where the examples of a split lie, in the order of its files, which is TFDS's without shuffling."""
    directory = tfrecords.folder(config, str(data_dir))
    if directory is None:
        raise ConfigError(f"{data_dir} lacks {config}: run `tfds build {config}`")
    return [
        _Record(str(path), start, len(image), label)
        for path, count in tfrecords.shards(directory, split).items()
        for start, image, label in tfrecords.images(path, count=count)
    ]


def _fetch(found: Sequence[_Record], number: int) -> tuple[bytes, int, str]:
    path, start, length, label = found[number]
    with open(path, "rb") as file:
        file.seek(start)
        return file.read(length), label, f"example {number} of {os.path.dirname(path)}"
