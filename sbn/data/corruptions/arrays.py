"""CIFAR-10-C and CIFAR-100-C as released: TYPE.npy, the severities one after the other, and labels.npy."""

import pathlib
from collections.abc import Sequence

import numpy as np

from sbn.config.errors import ConfigError
from sbn.data.corruptions.images import Images, Released
from sbn.data.corruptions.kinds import SEVERITIES

LABELS = "labels.npy"


def find(folder: pathlib.Path, kinds: Sequence[str], *, name: str) -> Released:
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
        raise ConfigError(f"{folder} lacks {', '.join(missing)}: {name} is not whole there")
    every = _load(folder / LABELS)
    count = len(every) // len(SEVERITIES)
    labels = every[:count].astype(np.int32)
    if every.ndim != 1 or not np.array_equal(every, np.tile(labels, len(SEVERITIES))):
        raise ConfigError(f"{folder / LABELS} does not repeat the labels of one test set {len(SEVERITIES)} times")

    def read(kind: str, severity: int) -> Images:
        path = folder / f"{kind}.npy"
        images = _load(path)
        if images.dtype != np.uint8 or images.ndim != 4 or len(images) != len(every):
            raise ConfigError(f"{path} holds {images.dtype} {images.shape}, not uint8 ({len(every)}, H, W, 3)")
        first = SEVERITIES.index(severity) * count
        return images[first : first + count]

    return Released(labels, read, f"{name} as released, from {folder}")


def _load(path: pathlib.Path) -> np.ndarray:
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} can't be read: {str(error).splitlines()[0]}") from None
