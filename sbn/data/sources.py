"""Data sets by name: whatever `data.name` says becomes examples with an image and a label.

In memory where all images are of one size; otherwise the images stay encoded, in their files.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from etils import epath
from ml_collections import ConfigDict

from sbn.config import imported
from sbn.config.environment import check_memory
from sbn.config.errors import ConfigError, unknown
from sbn.data import archive, eval_view, folders, index, prepared, shapes, splits, statistics, tfrecords, tiny_imagenet
from sbn.data.decode import decode_all
from sbn.data.encoded import Encoded
from sbn.data.examples import InMemory, in_memory
from sbn.data.index import Index
from sbn.data.layouts import find
from sbn.data.statistics import KNOWN, Channels

LabelledImages = InMemory | Encoded
_Whole = TypeVar("_Whole", InMemory, Index)

FOLDER = "folder:"
_MOST = 4 * 2**30  # bytes of pixels that are decoded into memory, where images of one size may stay encoded


def load(data: ConfigDict, split: str, *, view: str | None = None) -> LabelledImages:
    """Returns the 'train' or 'test' split that `data`, the config's data keys, describes.

    Args:
        data: the config's data keys.
        split: 'train' or 'test'.
        view: the pipeline that test images, and encoded ones of either split, are evaluated through (`eval.augment`).

    Raises:
        ConfigError: if the data set is not there, is not what it should be, or has fewer examples than asked for.
    """
    ops = eval_view.parse(view, name=data.name)
    wanted = f"data.{split}_split = {_wanted(data, split)!r}"
    found = _loader(data)(data, split)
    limit = _limit(data, split)
    if limit is not None and limit > len(found):
        raise ConfigError(
            f"data.{split}_examples = {limit} asks for more than the {len(found)} examples of {data.name!r}"
        )
    if not len(found):
        raise ConfigError(f"{wanted} holds no examples")
    if isinstance(found, Index):
        return Encoded(found.take(slice(limit)), ops, name=f"{wanted} of {data.name!r}")
    if isinstance(found, Encoded):
        return Encoded(found.index.take(slice(limit)), ops or found.ops, name=f"{wanted} of {data.name!r}")
    found = found.first(limit)
    return found.with_images(eval_view.apply(found.images, ops)) if split == "test" and ops else found


def check_together(data: ConfigDict, train: LabelledImages, test: LabelledImages, *, view: str | None) -> None:
    """Refuses splits that can't be of one run.

    Args:
        data: the config's data keys.
        train: the training split.
        test: the test split.
        view: `eval.augment`.

    Raises:
        ConfigError: if their classes or sizes differ, or the data path can't take them.
    """
    if class_names(train) != class_names(test):
        raise ConfigError(
            f"{data.name!r}: the classes of the training split, {_few(class_names(train))}, are not those of the test "
            f"split, {_few(class_names(test))}"
        )
    if data.path == "device" and isinstance(train, Encoded):
        raise ConfigError(
            f"data.path = 'device' holds a whole data set in memory, and the images of {data.name!r} differ in size "
            "or are too many: it needs 'host'"
        )
    sizes = train.images.shape[1:3], test.images.shape[1:3]
    if sizes[0] != sizes[1] and view is None and isinstance(train, InMemory):
        raise ConfigError(
            f"{data.name!r}: training images have {sizes[0][0]} x {sizes[0][1]} pixels, test images {sizes[1][0]} x "
            f"{sizes[1][1]}: bring the test images to one size by eval.augment"
        )


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return f"{len(names)} ({shown}{', ...' if len(names) > 5 else ''})"


def channels(data: ConfigDict, train: LabelledImages | None = None) -> Channels:
    """Returns mean and standard deviation of the channels of training images, in [0, 1].

    Those of `data.mean` and `data.std`, or, where these are not given, those that are known of the data set, or else
    measured.

    Args:
        data: the config's data keys.
        train: the training split, to be measured where nothing is known.

    Raises:
        ConfigError: if nothing is known and there is no split, or a channel is always the same.
    """
    known = KNOWN.get(f"{data.name}/{data.style}") or KNOWN.get(data.name)
    if known is None and (data.mean is None or data.std is None):
        if train is None:
            raise ConfigError(f"mean and deviation of {data.name!r} are not known: give data.mean and data.std")
        known = statistics.measure(train.images)
    mean, std = (known.mean, known.std) if known is not None else (data.mean, data.std)
    return statistics.checked(mean if data.mean is None else data.mean, std if data.std is None else data.std)


def _wanted(data: ConfigDict, split: str) -> str:
    return str(data.train_split if split == "train" else data.test_split)


def _limit(data: ConfigDict, split: str) -> int | None:
    limit: int | None = data.train_examples if split == "train" else data.test_examples
    return limit


def _load_shapes(data: ConfigDict, split: str) -> InMemory:
    standard = 10_000 if split == "train" else 2_000
    count, side = _limit(data, split) or standard, data.image_size or 32
    what = f"{count} images of {side} x {side} pixels (data.{split}_examples, data.image_size)"
    check_memory(count * side**2 * 4, what=what)
    return shapes.examples(count, size=side, split=split, style=data.style)


def _load_archive(data: ConfigDict, split: str) -> InMemory:
    key = f"data.{split}_split"
    if data.archive is not None:
        return archive.read(data.archive, _wanted(data, split), name=data.name, key=key)
    return archive.read(data.name, _wanted(data, split), key=key)


def _load_tiny_imagenet(data: ConfigDict, split: str) -> InMemory:
    return _joined(data, split, lambda base: tiny_imagenet.read(data.dir, base))


def _load_image_net(data: ConfigDict, split: str) -> Index:
    place = find(data.name, data.dir)

    def read(base: str) -> Index:
        files = (
            prepared.of_records(place.path, base, keys=tfrecords.Keys())
            if place.kind == "records"
            else folders.published(place.path, base)
        )
        return index.load(files, name=f"{data.name} {base}")

    return _joined_index(data, split, read)


def _load_folder(data: ConfigDict, split: str) -> InMemory | Index:
    path = epath.Path(data.name.removeprefix(FOLDER)).expanduser()

    def read(base: str) -> Index:
        return index.load(folders.own(path, base, test_share=data.test_share), name=f"{path.name} {base}")

    return _decoded(_joined_index(data, split, read), data.name)


def _load_prepared(data: ConfigDict, split: str) -> InMemory | Index:
    path = prepared.directory(data.name, data.dir, built_in=tuple(_LOADERS))
    keys = tfrecords.Keys(data.image_feature, data.label_feature)
    if tfrecords.image_size(path, image=keys.image) is None:
        return _decoded(_joined_index(data, split, lambda base: prepared.read_index(path, base, keys=keys)), data.name)
    names = tfrecords.class_names(path, label=keys.label)

    def read(base: str) -> InMemory:
        images, labels = tfrecords.read(path, base, keys=keys)
        return in_memory({"image": images, "label": labels}, name=f"{path}, {base}", classes=names)

    return _joined(data, split, read)


def _load_imported(data: ConfigDict, split: str) -> LabelledImages:
    make = imported.load(data.name, key="data.name")
    offered = {"split": split, "data": data}
    found = imported.call(make, data.args.to_dict(), key="data.args", name=data.name, offered=offered)
    if isinstance(found, Encoded):
        return found
    missing = [name for name in ("features", "fingerprint", "load", "__len__") if not hasattr(found, name)]
    if missing:
        raise ConfigError(
            f"data.name = {data.name!r} returned a {type(found).__name__} without {', '.join(missing)}, not examples: "
            "sbn.data.examples.in_memory makes them of arrays"
        )
    arrays = found.load(np.arange(len(found)))
    for name in ("image", "label"):
        if name not in arrays or name not in found.features:
            raise unknown(f"feature: data.name = {data.name!r} returned examples that lack", name, found.features)
    return in_memory(arrays, name=f"data.name = {data.name!r}, {split}", features=found.features)


def _decoded(found: Index, name: str) -> InMemory | Index:
    """Images in memory, where all are of one size and not too many."""
    if not len(found) or (found.sizes != found.sizes[0]).any() or 3 * len(found) * found.sizes[0].prod() > _MOST:
        return found
    names = [found.name(i) for i in range(len(found))]
    try:
        encoded = found.read(np.arange(len(found)))
    except OSError as error:
        raise ConfigError(f"data.name = {name!r}: {error}") from None
    images = decode_all(encoded, names, upright=found.upright)
    return in_memory({"image": images, "label": found.labels}, name=name, classes=found.class_names)


def _joined(data: ConfigDict, split: str, read: Callable[[str], InMemory]) -> InMemory:
    """The parts of splits that `data` names, one after the other; `read` reads a whole one."""
    parts = _parts(data, split, read)
    first, _ = parts[0]
    arrays = {name: splits.joined([whole.arrays[name][where] for whole, where in parts]) for name in first.arrays}
    return InMemory(arrays, first.features)


def _joined_index(data: ConfigDict, split: str, read: Callable[[str], Index]) -> Index:
    """As `_joined`, of images that stay encoded."""
    return index.joined([whole.take(where) for whole, where in _parts(data, split, read)])


def _parts(data: ConfigDict, split: str, read: Callable[[str], _Whole]) -> list[tuple[_Whole, slice]]:
    """The whole splits that `data` names, each with the part of it that is meant."""
    key, text = f"data.{split}_split", _wanted(data, split)
    try:
        whole = {name: read(name) for name in splits.names(text, key=key)}
    except ConfigError as error:
        told = str(error)
        raise ConfigError(f"{key} = {text!r}: {told}" if told.startswith("unknown split") else told) from None
    lengths = {name: len(found) for name, found in whole.items()}
    return [(whole[name], where) for name, where in splits.ids(text, lengths, key=key, of=data.name)]


# What reads a data set where no archive is given; any other name is TFDS's
_LOADERS: dict[str, Callable[[ConfigDict, str], InMemory | Index]] = {
    "tiny_imagenet": _load_tiny_imagenet,
    "imagenet2012": _load_image_net,
    "imagenette": _load_image_net,
    "shapes": _load_shapes,
}


def _loader(data: ConfigDict) -> Callable[[ConfigDict, str], InMemory | Encoded | Index]:
    if data.archive is not None or data.name.endswith(".npz"):
        return _load_archive
    if data.name.startswith(FOLDER):
        return _load_folder
    if imported.is_import_path(data.name):
        return _load_imported
    return _LOADERS.get(data.name, _load_prepared)


def class_names(examples: LabelledImages) -> Sequence[str]:
    """Returns the names of the classes, in the order of their numbers."""
    return examples.features["label"].classes
