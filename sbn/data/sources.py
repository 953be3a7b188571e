"""Data sets by name: whatever `data.name` says becomes examples, of images with a label unless they are a user's own.

In memory where all images are of one size; otherwise the images stay encoded, in their files.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
from etils import epath
from ml_collections import ConfigDict

from sbn.config import imported
from sbn.config.data_keys import folder_of
from sbn.config.environment import check_memory
from sbn.config.errors import ConfigError
from sbn.data import (
    archive,
    camvid,
    cityscapes,
    coco,
    eval_view,
    folders,
    gta5,
    index,
    masked_folder,
    objects,
    parts,
    prepared,
    prepared_boxes,
    prepared_masks,
    shapes,
    splits,
    statistics,
    strings,
    tfrecords,
    tiny_imagenet,
    voc,
)
from sbn.data.decode import decode_all
from sbn.data.encoded import Encoded, ImageFiles
from sbn.data.examples import Examples, InMemory, in_memory
from sbn.data.index import Index
from sbn.data.layouts import find
from sbn.data.own_function import examples_of_function
from sbn.data.statistics import KNOWN, Channels
from sbn.runs.reach import check_answers

LabelledImages = InMemory | Encoded

# What reads 'LAYOUT:PATH'
_LAYOUTS = {
    "voc": voc.read,
    "coco": coco.read,
    "camvid": camvid.read,
    "cityscapes": cityscapes.read,
    "gta5": gta5.read,
}
_MOST = 4 * 2**30  # bytes of pixels that are decoded into memory, where images of one size may stay encoded


def load(data: ConfigDict, split: str, *, view: str | None = None) -> Examples:
    """Returns the 'train' or 'test' split that `data`, the config's data keys, describes.

    Args:
        data: the config's data keys.
        split: 'train' or 'test'.
        view: the pipeline that test images, and encoded ones of either split, are evaluated through (`eval.augment`).

    Raises:
        ConfigError: if the data set is not there, is not what it should be, or has fewer examples than asked for.
    """
    ops = eval_view.parse(view, name=data.name)
    if data.dir is not None:
        check_answers(epath.Path(data.dir))
    wanted = f"data.{split}_split = {parts.wanted(data, split)!r}"
    found = _loader(data)(data, split)
    limit, held = _limit(data, split), len(found.index if isinstance(found, ImageFiles) else found)
    if limit is not None and limit > held:
        raise ConfigError(f"data.{split}_examples = {limit} asks for more than the {held} examples of {data.name!r}")
    if not held:
        raise ConfigError(f"{wanted} holds no examples")
    _check_once(found, data, split)
    if isinstance(found, Index):
        return Encoded(found.take(slice(limit)), ops, name=f"{wanted} of {data.name!r}")
    if isinstance(found, ImageFiles):
        some, name = slice(limit), f"{wanted} of {data.name!r}"
        return Encoded(found.index.take(some), ops, name=name, beside=found.beside.take(some))
    if isinstance(found, Encoded):
        some, name = slice(limit), f"{wanted} of {data.name!r}"
        return Encoded(found.index.take(some), ops or found.ops, name=name, beside=found.beside.take(some))
    if "image" not in found.features:
        for key, value in (("eval.augment", view or None), ("data.mean", data.mean), ("data.std", data.std)):
            if value is not None:
                raise ConfigError(f"{key} = {value!r} has no effect with {data.name!r}: its examples are not images")
        if limit is not None and not isinstance(found, InMemory):
            raise ConfigError(
                f"data.{split}_examples = {limit} has no effect with {data.name!r}, whose function reads the examples: "
                "give the function an argument for their number, and set it by data.args"
            )
        return found.first(limit) if isinstance(found, InMemory) else found
    assert isinstance(found, InMemory)  # as `own_function` makes them
    found = found.first(limit)
    return found.with_images(eval_view.apply(found.images, ops)) if split == "test" and ops else found


def load_images(data: ConfigDict, split: str, *, view: str | None = None) -> LabelledImages:
    """Returns what `load` does, for whoever can do nothing but look at images.

    Raises:
        ConfigError: as `load`, and if the examples are no images.
    """
    found = load(data, split, view=view)
    if not isinstance(found, InMemory | Encoded) or "image" not in found.features:
        raise ConfigError(f"the examples of {data.name!r} have {', '.join(found.features)}, and no image")
    return found


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


def _check_once(found: Examples | Index | ImageFiles, data: ConfigDict, split: str) -> None:
    """Looks for files in several parts: a split may have more than one name. What has one name, `splits` looks at."""
    text, key = parts.wanted(data, split), f"data.{split}_split"
    index = found.index if isinstance(found, ImageFiles | Encoded) else found
    places = index.places() if isinstance(index, Index) else index.origins if isinstance(index, InMemory) else None
    count = text.count("+") + 1
    if places is None or count == 1 or imported.is_import_path(data.name):  # whose words are a function's own
        return
    if split == "test" or count == len(splits.names(text, key=key)):
        taken = places[: _limit(data, split)]
        splits.check_once(len(taken) - len(set(taken)), text, key=key)


def _limit(data: ConfigDict, split: str) -> int | None:
    limit: int | None = data.train_examples if split == "train" else data.test_examples
    return limit


def _load_shapes(data: ConfigDict, split: str) -> InMemory:
    standard = 10_000 if split == "train" else 2_000
    count, side = _limit(data, split) or standard, data.image_size or 32
    what = f"{count} images of {side} x {side} pixels (data.{split}_examples, data.image_size)"
    check_memory(count * side**2 * 4, what=what)
    return shapes.examples(count, size=side, split=split, style=data.style)


def _load_strings(data: ConfigDict, split: str) -> InMemory:
    count = _limit(data, split) or (10_000 if split == "train" else 1_000)
    check_memory(count * 4 * 50, what=f"{count} strings (data.{split}_examples)")
    return strings.examples(data.name, count, split=split)


def _load_archive(data: ConfigDict, split: str) -> InMemory:
    key = f"data.{split}_split"
    if data.archive is not None:
        return archive.read(data.archive, parts.wanted(data, split), name=data.name, key=key)
    return archive.read(data.name, parts.wanted(data, split), key=key)


def _load_tiny_imagenet(data: ConfigDict, split: str) -> InMemory:
    return parts.in_memory(data, split, lambda base: tiny_imagenet.read(data.dir, base))


def _load_image_net(data: ConfigDict, split: str) -> Index:
    place = find(data.name, data.dir)

    def read(base: str) -> Index:
        files = (
            prepared.of_records(place.path, base, keys=tfrecords.Keys())
            if place.kind == "records"
            else folders.published(place.path, base)
        )
        return index.load(files, name=f"{data.name} {base}")

    return parts.encoded(data, split, read)


def _load_folder(data: ConfigDict, split: str) -> InMemory | Index:
    _, path = _folder(data)

    def read(base: str) -> Index:
        return index.load(folders.own(path, base, test_share=data.test_share), name=f"{path.name} {base}")

    return _decoded(parts.encoded(data, split, read), data.name)


def _folder(data: ConfigDict) -> tuple[str, epath.Path]:
    """The layout of a folder and where it lies."""
    layout, path = folder_of(data.name) or ("", "")
    return layout, epath.Path(data.dir or ".").expanduser() / epath.Path(path).expanduser()


def _load_layout(data: ConfigDict, split: str) -> ImageFiles:
    layout, folder, key = *_folder(data), f"data.{split}_split"
    if layout == "masks":
        return masked_folder.read(folder, parts.wanted(data, split), key=key, test_share=data.test_share)
    return _LAYOUTS[layout](folder, parts.wanted(data, split), key=key)


def _load_prepared(data: ConfigDict, split: str) -> InMemory | Index | ImageFiles:
    path = prepared.directory(data.name, data.dir, built_in=tuple(_LOADERS))
    boxes = prepared_boxes.find(
        path,
        image=data.image_feature,
        label=data.label_feature,
        boxes=data.boxes_feature,
        box_label=data.box_label_feature,
        first=data.boxes_count_from,
    )
    if boxes is not None:
        return _load_boxes(data, split, path, boxes)
    keys = tfrecords.Keys(data.image_feature, data.label_feature)
    if (masked := _load_masks(data, split, path, keys)) is not None:
        return masked
    if tfrecords.image_size(path, image=keys.image) is None:
        return _decoded(parts.encoded(data, split, lambda base: prepared.read_index(path, base, keys=keys)), data.name)
    names = tfrecords.class_names(path, label=keys.label)

    def read(base: str) -> InMemory:
        images, labels = tfrecords.read(path, base, keys=keys)
        return in_memory({"image": images, "label": labels}, name=f"{path}, {base}", classes=names)

    return parts.in_memory(data, split, read)


def _load_masks(data: ConfigDict, split: str, path: epath.Path, keys: tfrecords.Keys) -> ImageFiles | None:
    classes = prepared_masks.find(path, name=data.name, label=keys.label, given=data.mask_classes)
    if classes is None:
        return None
    found = parts.named(data, split, lambda base: prepared_masks.read(path, base, keys=keys))
    taken = [whole.take(where) for whole, where in found]
    return prepared_masks.examples(taken, name=f"{data.name}, {parts.wanted(data, split)!r}", classes=classes)


def _load_boxes(data: ConfigDict, split: str, path: epath.Path, keys: prepared_boxes.BoxKeys) -> ImageFiles:
    found = parts.named(data, split, lambda base: prepared_boxes.read(path, base, keys=keys))
    taken = [whole.take(where) for whole, where in found]
    return objects.examples(
        index.joined([part.index for part in taken]),
        [own for part in taken for own in part.objects],
        name=data.name,
        of=f"{data.name}, {parts.wanted(data, split)!r}",
        classes=prepared_boxes.class_names(path, keys),
    )


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
    made = in_memory({"image": images, "label": found.labels}, name=name, classes=found.class_names)
    return dataclasses.replace(made, origins=found.places())


# What reads a data set where no archive is given; any other name is TFDS's
_LOADERS: dict[str, Callable[[ConfigDict, str], InMemory | Index]] = {
    "tiny_imagenet": _load_tiny_imagenet,
    "imagenet2012": _load_image_net,
    "imagenette": _load_image_net,
    "shapes": _load_shapes,
    **dict.fromkeys(strings.NAMES, _load_strings),
}


def _loader(data: ConfigDict) -> Callable[[ConfigDict, str], Examples | Index | ImageFiles]:
    if data.archive is not None or data.name.endswith(".npz"):
        return _load_archive
    if (folder := folder_of(data.name)) is not None:
        return _load_folder if folder[0] == "folder" else _load_layout
    if imported.is_import_path(data.name):
        return examples_of_function
    return _LOADERS.get(data.name, _load_prepared)
