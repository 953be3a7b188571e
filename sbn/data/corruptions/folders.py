"""ImageNet-C as released: GROUP/TYPE/SEVERITY/WNID/*.JPEG, or the same without GROUP."""

import functools
import pathlib
from collections.abc import Sequence

import numpy as np

from sbn.config.errors import ConfigError
from sbn.data.corruptions.images import Encoded, Images, Released
from sbn.data.corruptions.kinds import GROUPS, SEVERITIES

_SIDE = 224


def present(folder: pathlib.Path) -> bool:
    """Returns whether a folder is laid out like this, with one type at least."""
    return any(_place(folder, kind).is_dir() for kinds in GROUPS.values() for kind in kinds)


def find(folder: pathlib.Path, kinds: Sequence[str], *, name: str, classes: int) -> Released:
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
        raise ConfigError(f"{folder} lacks {', '.join(missing)}: {name} is not whole there")
    files = _files(wanted[0])
    wnids = sorted({file.parent.name for file in files})
    if len(wnids) != classes:
        raise ConfigError(f"{wanted[0]} has images of {len(wnids)} of the {classes} classes: labels can't be told")
    labels = np.array([wnids.index(file.parent.name) for file in files], np.int32)
    inside = [file.relative_to(wanted[0]) for file in files]

    def read(kind: str, severity: int) -> Images:
        place = _place(folder, kind) / str(severity)
        here = [file.relative_to(place) for file in _files(place)]
        if here != inside:
            differing = min(set(here) ^ set(inside))
            raise ConfigError(f"{place} and {wanted[0]} do not hold the same images: only one of them has {differing}")
        return Encoded(functools.partial(_fetch, place, inside, labels), labels, _SIDE)

    return Released(labels, read, f"{name} as released, from {folder}")


def _place(folder: pathlib.Path, kind: str) -> pathlib.Path:
    group = next(group for group, kinds in GROUPS.items() if kind in kinds)
    return folder / group / kind if (folder / group / kind).is_dir() else folder / kind


def _files(place: pathlib.Path) -> list[pathlib.Path]:
    """By file name, the order of the validation set: so the first images are of many classes."""
    return sorted(place.glob("*/*.JPEG"), key=lambda file: (file.name, file.parent.name))


def _fetch(
    place: pathlib.Path, inside: Sequence[pathlib.Path], labels: np.ndarray, number: int
) -> tuple[bytes, int, str]:
    file = place / inside[number]
    return file.read_bytes(), int(labels[number]), str(file)
