"""Makes the index of a split, once: 1.28 million images stay encoded where they are.

Every file of prepared records is read, or the header of every image of a folder. What is found, about 10 MB for
ImageNet, is kept in a cache directory, under a name that changes when the files do.
"""

import concurrent.futures
import hashlib
import io
import itertools
import logging
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from etils import epath
from PIL import Image

from sbn.config.errors import ConfigError, unknown
from sbn.data import tfrecords
from sbn.data.index import Index
from sbn.data.layouts import Place
from sbn.data.progress import told
from sbn.runs.arrays import read_arrays
from sbn.runs.atomic import replacing
from sbn.runs.content import Damaged

log = logging.getLogger(__name__)

_FORMAT = 1
_THREADS = 16  # files that are looked into at the same time
# One image: offset and length in its file, label, height, width
_Entry = tuple[int, int, int, int, int]


class _Split(NamedTuple):
    """The files of a split, not yet looked into: how to list them, what changes when they do, and how to look."""

    root: epath.Path
    stamped: Sequence[epath.Path]
    list_files: Callable[[], Sequence[epath.Path]]
    class_names: tuple[str, ...]
    look: Callable[[epath.Path], list[_Entry]]


def load(place: Place, split: str, *, name: str) -> Index:
    """Returns the index of a split, from the cache or made now.

    Args:
        place: where the data set lies.
        split: as TFDS calls it: 'train' or 'validation'.
        name: of the data set.

    Raises:
        ConfigError: if the split is not there, or not whole.
    """
    found = (_records if place.kind == "records" else _folder)(place.path, split)
    path = _cache_directory() / f"{name}-{split}-{_key(found.stamped)}.npz"
    try:
        if (kept := read_arrays(path)) is not None:
            return Index(str(found.root), **kept, class_names=found.class_names)
    except (Damaged, TypeError) as error:
        log.warning("%s: made again", error)
    index = _make(found, f"{name} {split}")
    try:
        _keep(path, index)
    except OSError as error:
        log.warning("%s can't be written (%s): the next run will look into all files again", path, error)
    return index


def _make(found: _Split, what: str) -> Index:
    files = found.list_files()
    log.info("%s: looking into %d files of %s, once", what, len(files), found.root)
    with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
        entries = list(told(pool.map(found.look, files), count=len(files), what=f"{what}: looking into files"))
    table = np.array(list(itertools.chain.from_iterable(entries)), np.int64).reshape(-1, 5)
    return Index(
        str(found.root),
        files=np.array([os.fsencode(str(file.relative_to(found.root))) for file in files]),
        which=np.repeat(np.arange(len(files)), [len(looked) for looked in entries]).astype(np.int32),
        offset=table[:, 0],
        length=table[:, 1],
        labels=table[:, 2].astype(np.int32),
        sizes=table[:, 3:].astype(np.int32),
        class_names=found.class_names,
    )


def _records(path: epath.Path, split: str) -> _Split:
    counts = tfrecords.shards(path, split)

    def look(file: epath.Path) -> list[_Entry]:
        return [
            (offset, len(image), label, *_size(io.BytesIO(image), f"an image of {file}"))
            for offset, image, label in tfrecords.images(file, count=counts[file])
        ]

    return _Split(path, list(counts), lambda: list(counts), tuple(tfrecords.class_names(path)), look)


def _folder(path: epath.Path, split: str) -> _Split:
    folders = {"train": "train", "validation": "val"}
    if split not in folders:
        raise unknown(f"split of {path}", split, folders)
    class_names = sorted(folder.name for folder in (path / "train").iterdir() if folder.is_dir())
    number = {name: label for label, name in enumerate(class_names)}
    root = path / folders[split]
    classes = sorted(folder for folder in root.glob("*") if folder.is_dir())
    for folder in classes:
        if folder.name not in number:
            raise unknown(f"class folder of {root}", folder.name, class_names)

    def list_files() -> list[epath.Path]:
        files = [file for folder in classes for file in sorted(folder.iterdir())]
        files = [file for file in files if file.suffix.lower() in (".jpeg", ".jpg", ".png")]
        if not files:
            raise ConfigError(f"{root} holds no CLASS/*.JPEG: a folder for each class is what is read")
        return files

    def look(file: epath.Path) -> list[_Entry]:
        with file.open("rb") as data:
            size = _size(data, str(file))
            return [(0, data.seek(0, os.SEEK_END), number[file.parent.name], *size)]

    return _Split(root, classes, list_files, tuple(class_names), look)


def _size(file: Any, what: str) -> tuple[int, int]:
    """Height and width, of the header alone."""
    try:
        with Image.open(file) as image:
            return image.height, image.width
    except OSError as error:
        raise ConfigError(f"{what} can't be read: {error}") from None


def _key(stamped: Sequence[epath.Path]) -> str:
    """A hash of names, sizes and times: of record files, or of class folders, which change with their files."""
    with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
        stats = [(str(path), *stamp) for path, stamp in zip(stamped, pool.map(_stamp, stamped), strict=True)]
    return hashlib.sha256(repr((_FORMAT, stats)).encode()).hexdigest()[:16]


def _stamp(path: epath.Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.length, stat.mtime


def _cache_directory() -> pathlib.Path:
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "sbn" / "indices"


def _keep(path: pathlib.Path, index: Index) -> None:
    """Writes an index; several processes may do so at once, and a reader finds none or a whole one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = {name: value for name, value in vars(index).items() if isinstance(value, np.ndarray)}
    with replacing(path) as file:
        np.savez_compressed(file, allow_pickle=False, **parts)
