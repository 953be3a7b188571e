"""The index of a split: which bytes of which file are each image, for random access by example id.

Made once: every file of prepared records is read, or the header of every image file. What is found, about 10 MB for
ImageNet, is kept in a cache directory, under a name that changes when a class or a file does.
"""

import concurrent.futures
import dataclasses
import hashlib
import itertools
import logging
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from etils import epath

from sbn.config.environment import cache_folder
from sbn.config.errors import ConfigError
from sbn.data.decode import as_png
from sbn.runs.arrays import read_arrays
from sbn.runs.atomic import replacing
from sbn.runs.content import Damaged
from sbn.runs.progress import shown

log = logging.getLogger(__name__)

_FORMAT = 4
_THREADS = 16  # files that are looked into at the same time
_READS = 32  # reads from the cloud that are waited for at the same time


# Arrays of an index, one entry per image
_OF_IMAGES = ("which", "offset", "length", "labels", "sizes", "plain", "orientation")


class Entry(NamedTuple):
    """One image in a file: where it begins, its bytes, its label, and what `sbn.data.decode.look` says of it."""

    offset: int
    length: int
    label: int
    height: int
    width: int
    plain: bool
    orientation: int


class Files(NamedTuple):
    """The files of a split, not yet looked into.

    Attributes:
        root: the folder in which they lie, here or in the cloud.
        names: of the files, in it, in order.
        stamps: sizes and times of the files, in their order: the index is made anew where one changes.
        class_names: in the order of their numbers.
        look: returns the images in a file, by its name.
        upright: whether images are turned as their EXIF orientation says.
    """

    root: epath.Path
    names: Sequence[str]
    stamps: Sequence[tuple[int, float]]
    class_names: tuple[str, ...]
    look: Callable[[str], list[Entry]]
    upright: bool = False


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
        plain: (M,) bool: whether TensorFlow decodes it to the pixels that Pillow does.
        orientation: (M,) uint8: as EXIF numbers them: 1 upright, 2 to 8 turned or mirrored.
        class_names: in the order of their numbers.
        upright: whether images are turned as their EXIF orientation says.
    """

    root: str
    files: np.ndarray
    which: np.ndarray
    offset: np.ndarray
    length: np.ndarray
    labels: np.ndarray
    sizes: np.ndarray
    plain: np.ndarray
    orientation: np.ndarray
    class_names: tuple[str, ...]
    upright: bool = False

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, which: slice | np.ndarray) -> "Index":
        """Returns some of the images."""
        return dataclasses.replace(self, **{name: getattr(self, name)[which] for name in _OF_IMAGES})

    def path(self, i: int) -> str:
        """Returns the file that holds image `i`."""
        return os.path.join(self.root, os.fsdecode(self.files[self.which[i]]))

    def places(self) -> list[tuple[str, int]]:
        """Returns of every image which file holds it, and where in that it begins: no two images have the same."""
        paths = self._paths()
        return [(paths[which], offset) for which, offset in zip(self.which, self.offset.tolist(), strict=True)]

    def shares_files(self, other: "Index") -> bool:
        """Returns whether the files of the two have one in common, whatever the folders that they are named from."""
        if self.root == other.root:  # soon seen, also of a million files
            return not set(self.files.tolist()).isdisjoint(other.files.tolist())
        return not set(self._paths()).isdisjoint(other._paths())

    def _paths(self) -> list[str]:
        return [os.path.join(self.root, os.fsdecode(file)) for file in self.files.tolist()]

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
            with concurrent.futures.ThreadPoolExecutor(_READS) as pool:
                return list(pool.map(lambda place: _read_remote(*place), places))
        return [_read_local(*place) for place in places]

    def read_plain(self, ids: np.ndarray) -> list[bytes]:
        """Returns what `read` does, as PNG where TensorFlow would decode it otherwise than Pillow does.

        Raises:
            OSError: if one is gone or, of those, damaged.
        """
        return [
            data if self.plain[i] else as_png(data, upright=self.upright)
            for i, data in zip(ids, self.read(ids), strict=True)
        ]

    def fingerprint(self) -> str:
        """Returns a hash of the images' labels, sizes in bytes and in pixels, and order."""
        digest = hashlib.sha256()
        for part in (self.length, self.labels, self.sizes):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()[:16]


def check_upright(index: Index) -> None:
    """Refuses images with boxes or masks that their EXIF orientation turns: some tools that annotate do so, some don't.

    Args:
        index: of the images, or of their label images.

    Raises:
        ConfigError: naming the first such file, and what makes it unambiguous.
    """
    turned = np.flatnonzero(index.orientation != 1)
    if len(turned) and not index.upright:
        first, more = int(turned[0]), f", and {len(turned) - 1} more are so" if len(turned) > 1 else ""
        raise ConfigError(
            f"{index.name(first)} is turned by its EXIF orientation ({index.orientation[first]}{more}), and nothing "
            "says whether it was annotated so: if it was, save it turned ('exiftran -ai FILE'); "
            "if not, remove the tag ('exiftool -Orientation= FILE')"
        )


def joined(parts: Sequence[Index]) -> Index:
    """Returns the images of several parts of one folder, one after the other."""
    first, *others = parts
    if not others:
        return first
    offsets = np.cumsum([0, *(len(part.files) for part in parts[:-1])])
    arrays: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _OF_IMAGES}
    which = [part.which + np.int32(offset) for part, offset in zip(parts, offsets, strict=True)]
    files = np.concatenate([part.files for part in parts])
    return dataclasses.replace(first, files=files, **{**arrays, "which": np.concatenate(which)})


def load(files: Files, *, name: str) -> Index:
    """Returns the index of a split, from the cache or made now.

    Args:
        files: of the split.
        name: of data set and split.

    Raises:
        ConfigError: if one can't be read.
    """
    path = cache_folder() / "indices" / f"{name.replace('/', '-').replace(' ', '-')[-60:]}-{_key(files)}.npz"
    about: dict[str, Any] = {"root": str(files.root), "class_names": files.class_names, "upright": files.upright}
    try:
        kept: dict[str, Any] | None = read_arrays(path)
        if kept is not None:
            return Index(**kept, **about)
    except (Damaged, TypeError) as error:  # damaged, or of other arrays
        log.warning("%s can't be read (%s): it is made again", path, str(error).partition("\n")[0])
    index = _make(files, name)
    try:
        _keep(path, index)
    except OSError as error:
        log.warning("%s can't be written (%s): the next run will look into all files again", path, error)
    return index


def _make(files: Files, name: str) -> Index:
    log.info("%s: looking into %d files of %s, once", name, len(files.names), files.root)
    with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
        looked = pool.map(files.look, files.names)
        entries = list(shown(looked, f"{name}: looking into files", total=len(files.names)))
    table = np.array(list(itertools.chain.from_iterable(entries)), np.int64).reshape(-1, len(Entry._fields))
    return Index(
        str(files.root),
        files=np.array([os.fsencode(file) for file in files.names]),
        which=np.repeat(np.arange(len(files.names)), [len(found) for found in entries]).astype(np.int32),
        offset=table[:, 0],
        length=table[:, 1],
        labels=table[:, 2].astype(np.int32),
        sizes=table[:, 3:5].astype(np.int32),
        plain=table[:, 5].astype(bool),
        orientation=table[:, 6].astype(np.uint8),
        class_names=files.class_names,
        upright=files.upright,
    )


def _key(files: Files) -> str:
    known = (_FORMAT, files.class_names, list(files.names), list(files.stamps), str(files.root), files.upright)
    return hashlib.sha256(repr(known).encode(errors="surrogateescape")).hexdigest()[:16]


def stamp(path: epath.Path) -> tuple[int, float]:
    """Returns size and time of a file."""
    stat = path.stat()
    return stat.length, stat.mtime


def _keep(path: pathlib.Path, index: Index) -> None:
    """Writes an index; several processes may do so at once, and a reader finds none or a whole one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = {name: value for name, value in vars(index).items() if isinstance(value, np.ndarray)}
    with replacing(path) as file:
        np.savez_compressed(file, allow_pickle=False, **parts)


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
