"""Data sets that TFDS has prepared, by their names there: any builder with an image and a label. No TensorFlow."""

import concurrent.futures
import importlib.util
import io
import os
from collections.abc import Iterable

from etils import epath

from sbn.config.errors import ConfigError, unknown
from sbn.data import index, tfrecords
from sbn.data.decode import look
from sbn.data.tfrecords import Keys

DEFAULT_DIR = "~/tensorflow_datasets"


def directory(name: str, data_dir: str | None, *, built_in: tuple[str, ...] = ()) -> epath.Path:
    """Returns where 'NAME', 'NAME/CONFIG' or 'NAME:VERSION' lies.

    Args:
        name: as TFDS calls it.
        data_dir: of TFDS; None: TFDS_DATA_DIR, or TFDS's own default.
        built_in: names of data sets that TFDS need not have, for the message.

    Raises:
        ConfigError: if it is not there. It says how to get it, or what the nearest name is.
    """
    shown = data_dir or os.environ.get("TFDS_DATA_DIR") or DEFAULT_DIR
    try:
        found = tfrecords.folder(name, shown)
    except (OSError, ValueError):
        found = None
    if found is not None:
        return found
    builder = name.partition(":")[0].partition("/")[0]
    known = _builders()
    if known and builder not in known:
        raise unknown("data set", name, [*built_in, *known])
    raise ConfigError(
        f"no prepared {name!r} in {shown}: run `tfds build {name}`, or give the folder that contains the "
        f"folder {builder!r} by data.dir or the environment variable TFDS_DATA_DIR; data.name = 'shapes' needs no files"
    )


def _builders() -> list[str]:
    """The names that the installed TFDS knows; none where it is not installed."""
    if importlib.util.find_spec("tensorflow_datasets") is None:
        return []
    from sbn.data.host.on_cpu import builders

    return builders()


def of_records(path: epath.Path, split: str, *, keys: Keys) -> index.Files:
    """Returns the files of a prepared split, for its index.

    Raises:
        ConfigError: if it is not there, or not whole.
    """
    counts = tfrecords.shards(path, split)
    by_name = {file.name: file for file in counts}

    def look_into(name: str) -> list[index.Entry]:
        file = by_name[name]
        images = tfrecords.images(file, count=counts[file], keys=keys)
        return [_entry(image, at=offset, file=file, label=label) for offset, image, label in images]

    return index.Files(
        path, list(by_name), _stamps(counts), tuple(tfrecords.class_names(path, label=keys.label)), look_into
    )


def read_index(path: epath.Path, split: str, *, keys: Keys) -> index.Index:
    """Returns the index of a split.

    Raises:
        ConfigError: if it is not there, or not whole.
    """
    return index.load(of_records(path, split, keys=keys), name=f"{path.parent.name} {split} {keys.image} {keys.label}")


def image_index(path: epath.Path, split: str, feature: str, *, key: str, kind: str) -> index.Index:
    """Returns the index of a feature that is an image; all labels are 0.

    Args:
        path: of the prepared set.
        split: a whole one.
        feature: its name.
        key: of the config, which names the feature.
        kind: what the images are indexed for: a word of the name under which the index is kept.

    Raises:
        ConfigError: if there is no such split, or a file or an image is damaged; it says where.
    """
    counts = tfrecords.shards(path, split)
    by_name = {file.name: file for file in counts}

    def look_into(name: str) -> list[index.Entry]:
        file, found = by_name[name], []
        for offset, record, features in tfrecords.examples(file, count=counts[file]):
            image = tfrecords.encoded(features, feature, name=f"the record at byte {offset} of {file}", key=key)
            found.append(_entry(image, at=offset + record.index(image), file=file))
        return found

    files = index.Files(path, list(by_name), _stamps(counts), (), look_into)
    return index.load(files, name=f"{path.parent.name} {split} {feature} {kind}")


def _entry(image: bytes, *, at: int, file: epath.Path, label: int = 0) -> index.Entry:
    try:
        return index.Entry(at, len(image), label, *look(io.BytesIO(image)))
    except OSError as error:
        raise ConfigError(f"the image at byte {at} of {file} can't be read: {error}") from None


def _stamps(files: Iterable[epath.Path]) -> list[tuple[int, float]]:
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return list(pool.map(index.stamp, files))
