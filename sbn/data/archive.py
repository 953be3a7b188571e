"""A whole data set in one .npz file that NumPy alone can read: sbn's own format, or a user's arrays.

Sentences and their translations have a format of their own (`sbn.data.sentences`); the rest here is of images.

Own arrays are SPLIT_images and SPLIT_labels for every split, and perhaps class_names. Our format 1 has, beside these,
`format` (the number 1) and `name`; its arrays are (M, H, W, 3) uint8 and (M,) int32 in the order of TFDS's files, so
that ids, orders and batches are those of the TFDS set. It is not compressed: images of this kind hardly shrink, and
CIFAR (184 MB) loads in a fraction of a second.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from sbn.config import beside
from sbn.config.environment import expanded
from sbn.config.errors import ConfigError
from sbn.data import sentences, splits
from sbn.data.examples import InMemory, in_memory
from sbn.runs.arrays import array
from sbn.runs.atomic import replacing

FORMAT = 1
_MOST_CLASSES = 2**20  # a larger label is something else, and a name for each would fill the memory


def write(
    path: os.PathLike[str] | str,
    *,
    name: str,
    class_names: Sequence[str],
    splits: Mapping[str, tuple[np.ndarray, np.ndarray]],
) -> None:
    """Writes images and labels by split in our own format; a reader, or a kill, finds the old file or the new one."""
    arrays = {"format": np.array(FORMAT), "name": np.array(name), "class_names": np.array(class_names)}
    for split, (images, labels) in splits.items():
        arrays |= {f"{split}_images": images, f"{split}_labels": labels.astype(np.int32)}
    target = expanded(path)
    with replacing(target) as file:
        np.savez(file, allow_pickle=False, **arrays)


def read(path: str, split: str, *, name: str | None = None, key: str = "split") -> InMemory:
    """Returns a split, which may be cut: 'train', 'train[:45000]', 'train[:33%]+test'.

    Args:
        path: of the file.
        split: in TFDS's words.
        name: of the data set that it should hold, where it should be of our own format (`data.archive`).
        key: the config key that names the split, for messages.

    Raises:
        ConfigError: if there is no such file or split, if it holds another data set or format, or is damaged.
    """
    shown = f"data.{'name' if name is None else 'archive'} = {path!r}"
    with _opened(path, shown, name) as file:
        if sentences.is_archive(file):
            return sentences.read(file, split, name=name, key=key, shown=shown)
        found = int(array(file, "format")) if "format" in file else None
        if name is not None or found is not None:
            if found != FORMAT:
                raise ConfigError(f"{shown} has format {found}; this version reads format {FORMAT}")
            if name is not None and str(array(file, "name")) != name:
                raise ConfigError(f"{shown} holds {str(file['name'])!r}, not data.name = {name!r}")
        there = [key.removesuffix("_images") for key in file if key.endswith("_images")]
        if not there:
            raise ConfigError(
                f"{shown} holds {', '.join(file) or 'no arrays'}: what is read is train_images, train_labels, "
                "test_images, test_labels and, if you like, class_names"
            )
        for each in there:
            if f"{each}_labels" not in file:
                raise ConfigError(f"{shown} has {each}_images, but no {each}_labels")
        labels = {each: array(file, f"{each}_labels") for each in there}
        lengths = {each: len(array) if array.ndim else 0 for each, array in labels.items()}
        parts = []
        for base, where in splits.ids(split, lengths, key=key, of=path):
            images = array(file, f"{base}_images")
            if images.ndim == 0 or len(images) != lengths[base]:
                count = len(images) if images.ndim else "no array of"
                raise ConfigError(
                    f"{shown} has {count} {base}_images, but {lengths[base]} {base}_labels: every image needs one label"
                )
            parts.append((images[where], labels[base][where]))
        arrays = {
            kind: splits.joined(both) for kind, both in zip(("image", "label"), zip(*parts, strict=True), strict=True)
        }
        return in_memory(arrays, name=f"{shown}, {split}", classes=_class_names(file, labels, shown))


def _class_names(file: "np.lib.npyio.NpzFile", labels: Mapping[str, np.ndarray], shown: str) -> list[str]:
    if "class_names" in file:
        names = np.atleast_1d(array(file, "class_names"))
        return [name.decode() if isinstance(name, bytes) else str(name) for name in names]
    whole = [array for array in labels.values() if array.size and np.issubdtype(array.dtype, np.integer)]
    last = max((int(array.max()) for array in whole), default=0)
    if last >= _MOST_CLASSES:
        raise ConfigError(f"{shown}: the largest label is {last}; labels count the classes, from 0 to fewer than 2^20")
    return [str(number) for number in range(1 + last)]


@contextlib.contextmanager
def _opened(path: str, shown: str, name: str | None) -> Iterator["np.lib.npyio.NpzFile"]:
    """The file, and one line for whatever is wrong with it, now or as arrays are read."""
    try:
        place = expanded(path)
        if place.exists() and not place.is_file():  # a pipe would be waited for
            raise ConfigError(f"{shown} is not an archive: it is not a file")
        with place.open("rb") as opened:
            file = np.load(opened, allow_pickle=False)
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise ConfigError(f"{shown} is not an archive, but a single array")
            with file:
                yield file
    except ConfigError:
        raise
    except FileNotFoundError:
        makes = beside.shown(f"python -m sbn.data.prepare {name} --out={path}")
        hint = f": `{makes}` makes it (of sentences with --languages or --pairs)" if name else ""
        raise ConfigError(f"{shown} does not exist{hint}") from None
    except Exception as error:  # zipfile, zlib and NumPy have many words for a damaged file
        words = (str(error) or type(error).__name__).splitlines()[0]
        raise ConfigError(f"{shown} is not an archive, or it is damaged: {words}") from None
