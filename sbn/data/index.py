"""Which bytes of which files are the images of a split: what random access by example id needs to know."""

import concurrent.futures
import dataclasses
import hashlib
import os

import numpy as np
from etils import epath

_THREADS = 32  # reads from the cloud that are waited for at the same time


@dataclasses.dataclass(frozen=True)
class Index:
    """The M encoded images of a split.

    Attributes:
        root: the folder that `files` lie in, here or in the cloud.
        files: (F,) their names, bytes.
        which: (M,) int32: the file that holds each, by its place in `files`.
        offset: (M,) int64: where it begins there.
        length: (M,) int64: its bytes.
        labels: (M,) int32.
        sizes: (M, 2) int32: height and width in pixels.
        class_names: in the order of their numbers.
    """

    root: str
    files: np.ndarray
    which: np.ndarray
    offset: np.ndarray
    length: np.ndarray
    labels: np.ndarray
    sizes: np.ndarray
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, where: slice) -> "Index":
        """Returns some of the images."""
        parts = {name: getattr(self, name)[where] for name in ("which", "offset", "length", "labels", "sizes")}
        return dataclasses.replace(self, **parts)

    def path(self, i: int) -> str:
        """Returns the file that holds image `i`."""
        return os.path.join(self.root, os.fsdecode(self.files[self.which[i]]))

    def name(self, i: int) -> str:
        """Returns the words for image `i` in messages."""
        return f"{self.path(i)} (at byte {self.offset[i]})" if self.offset[i] else self.path(i)

    def read(self, ids: np.ndarray) -> list[bytes]:
        """Returns the encoded images of ids (n,). Thread-safe.

        Raises:
            OSError: if a file is gone, or shorter than it was.
        """
        places = [(self.path(i), int(self.offset[i]), int(self.length[i])) for i in np.asarray(ids)]
        if "://" in self.root:  # an answer takes long, and many can be waited for at once
            with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
                return list(pool.map(lambda place: _read_remote(*place), places))
        return [_read_local(*place) for place in places]

    def fingerprint(self) -> str:
        """Returns a hash of what is known of the images: labels, sizes in bytes and in pixels, order."""
        digest = hashlib.sha256()
        for part in (self.length, self.labels, self.sizes):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()[:16]


def _read_local(path: str, offset: int, length: int) -> bytes:
    handle = os.open(path, os.O_RDONLY)
    try:
        return _whole(os.pread(handle, length, offset), path, length)
    finally:
        os.close(handle)


def _read_remote(path: str, offset: int, length: int) -> bytes:
    with epath.Path(path).open("rb") as file:
        file.seek(offset)
        return _whole(file.read(length), path, length)


def _whole(data: bytes, path: str, length: int) -> bytes:
    if len(data) != length:
        raise OSError(f"{path} is shorter than when its index was made: it was changed, or is damaged")
    return data
