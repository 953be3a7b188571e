"""Corrupted images made here, on demand or once and for all into files."""

import concurrent.futures
import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Sequence

import numpy as np

from sbn.data.corruptions import kinds
from sbn.data.examples import Images
from sbn.runs.atomic import replacing

_PIXELS = 2**16  # a chunk's: its arrays fit a core's cache, and are large enough to hide what Python costs


@dataclasses.dataclass(frozen=True)
class Generated:
    """The images of one type and severity: an array that makes its slices when they are asked for.

    Attributes:
        clean: at least M images (S, S, 3) uint8, an array or what yields slices of one.
        kind: the type.
        severity: 1 to 5.
        seed: of the draws.
        count: M.
        frost: pictures, for frost.
        workers: threads; NumPy and SciPy, which do most of the work, let them run at the same time.
    """

    clean: Images
    kind: str
    severity: int
    seed: int
    count: int
    frost: Sequence[np.ndarray] = ()
    workers: int = os.cpu_count() or 1

    @property
    def shape(self) -> tuple[int, ...]:
        """(M, S, S, 3)."""
        return (self.count, *self.clean.shape[1:])

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, where: slice) -> np.ndarray:
        """Returns a slice, (n, S, S, 3) uint8, the same whatever the slice and the number of workers."""
        from sbn.data.corruptions.corrupt import corrupt  # brings SciPy, which takes longest of all that a run imports

        ids = np.arange(self.count)[where]
        images = np.asarray(self.clean[slice(*where.indices(self.count))])
        made = np.empty_like(images)
        step = max(1, _PIXELS // self.shape[1] ** 2)

        def make(start: int) -> None:
            chunk = slice(start, start + step)
            made[chunk] = corrupt(
                images[chunk], self.kind, self.severity, seed=self.seed, ids=ids[chunk], frost=self.frost
            )

        starts = range(0, len(images), step)
        if self.workers == 1:
            list(map(make, starts))
        else:
            with concurrent.futures.ThreadPoolExecutor(self.workers) as pool:
                list(pool.map(make, starts))
        return made


def file_name(images: Generated, fingerprint: str) -> str:
    """Returns the name of the file for these images, which holds a hash of all that they depend on.

    Args:
        images: the images.
        fingerprint: a hash of the clean images.
    """
    name, table = kinds.parameters(images.shape[1])
    what = [kinds.VERSION, fingerprint, images.count, images.seed, images.kind, images.severity, name]
    what += [
        table[images.kind][images.severity - 1],
        [hashlib.sha256(picture.tobytes()).hexdigest() for picture in images.frost],
    ]
    digest = hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]
    return f"{images.kind}_{images.severity}-{digest}.npy"


def kept(images: Generated, directory: pathlib.Path, *, fingerprint: str) -> np.ndarray:
    """Returns the images out of a file in `directory`, mapped into memory; makes the file first where there is none.

    A file that was begun is under another name until it is whole, so a kill leaves none that is half made.

    Args:
        images: the images.
        directory: where the files lie; it is made.
        fingerprint: a hash of the clean images.
    """
    path = directory / file_name(images, fingerprint)
    with contextlib.suppress(FileNotFoundError, ValueError):  # not there, or not whole
        return np.lib.format.open_memmap(path, mode="r")
    directory.mkdir(parents=True, exist_ok=True)
    step = max(1, 2**24 // images.shape[1] ** 2)
    with replacing(path) as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": images.shape})
        for start in range(0, len(images), step):
            file.write(np.ascontiguousarray(images[start : start + step], np.uint8).data)
    return np.lib.format.open_memmap(path, mode="r")
