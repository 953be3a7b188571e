"""What the splits of one run must have in common."""

import sys
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from ml_collections import ConfigDict

from sbn.config.errors import ConfigError
from sbn.config.imported import is_import_path
from sbn.data import splits
from sbn.data.encoded import Encoded
from sbn.data.examples import Examples, Feature, InMemory


def check_together(data: ConfigDict, train: Examples, test: Examples, *, view: str | None) -> None:
    """Refuses splits that can't be of one run.

    Args:
        data: the config's data keys.
        train: the training split.
        test: the test split.
        view: `eval.augment`.

    Raises:
        ConfigError: if their classes or sizes differ, or the data path can't take them.
    """
    moved = {"mask", "boxes"} if view and isinstance(test, InMemory) else set()  # lost with the size of the images
    if lacking := [name for name, own in train.features.items() if name not in test.features and own.kind not in moved]:
        raise ConfigError(f"{data.name!r}: examples of the test split lack {', '.join(lacking)}")
    for name, feature in train.features.items():
        if name not in test.features:
            continue
        other = test.features[name]
        what = "" if name == "label" else f" of {name}"
        if feature.kind != "image" and feature.classes != other.classes:
            own, others = few(feature.classes), few(other.classes)
            raise ConfigError(
                f"{data.name!r}: the classes{what} of the training split, {own}, are not those of the test split, "
                f"{others}"
            )
        shapes = [_shape(name, split.features) for split in (train, test)]
        if feature.kind != other.kind or (feature.kind == "array" and shapes[0] != shapes[1]):
            raise ConfigError(
                f"{data.name!r}: {name} is {feature.kind} {feature.shape} in the training split, and {other.kind} "
                f"{other.shape} in the test split"
            )
    if not isinstance(train, InMemory | Encoded) or not isinstance(test, InMemory | Encoded):
        return
    _check_labels(data, train, test)
    _tell_shared(data, train, test)
    _tell_unlearned(data, train, test)
    if "image" not in train.features:
        return
    if data.path == "device" and isinstance(train, Encoded):
        raise ConfigError(
            f"data.path = 'device' holds a whole data set in memory, and the images of {data.name!r} differ in size "
            "or are too many: it needs 'host'"
        )
    sizes = train.images.shape[1:3], test.images.shape[1:3]
    if sizes[0] != sizes[1] and view is None and isinstance(train, InMemory):
        raise ConfigError(
            f"{data.name!r}: training images have {sizes[0][0]} x {sizes[0][1]} pixels, test images {sizes[1][0]} x "
            f"{sizes[1][1]}: give the test images one size with eval.augment"
        )


def _shape(name: str, features: Mapping[str, Feature]) -> tuple[int | None, ...]:
    """The shape of an array; of what boxes have beside them without its first axis, slots for as many as are needed."""
    shape, boxes = features[name].shape, features.get("boxes")
    slots = boxes is not None and name.startswith("box_") and shape[:1] == boxes.shape[:1]
    return shape[1:] if slots else shape


def few(names: Sequence[str]) -> str:
    """Returns how many names there are, and the first of them."""
    shown = ", ".join(names[:5])
    return f"{len(names)} ({shown}{', ...' if len(names) > 5 else ''})"


def _tell_shared(data: ConfigDict, train: InMemory | Encoded, test: InMemory | Encoded) -> None:
    """Prints how many test examples are in the training split, too.

    Files are compared whatever the splits are called, as one may have several names. Examples that no file tells apart
    are compared where parts of one split are named for both: sets may have the same image twice.
    """
    texts = data.train_split, data.test_split
    if isinstance(train, Encoded) and isinstance(test, Encoded) and not train.index.shares_files(test.index):
        return  # soon seen, also of a million files
    if not all(isinstance(split, Encoded) or split.origins for split in (train, test)):
        try:
            of_train, of_test = (set(splits.names(text, key="")) for text in texts)
        except ConfigError:  # the words of a function of one's own
            return
        if is_import_path(data.name) or not of_train & of_test:
            return
    known, asked = set(_origins(train)), _origins(test)
    if shared := sum(mark in known for mark in asked):
        print(
            f"{data.name!r}: {shared} of {len(asked)} test examples are in the training split, too: data.train_split = "
            f"{texts[0]!r}, data.test_split = {texts[1]!r}",
            file=sys.stderr,
        )


def _origins(examples: InMemory | Encoded) -> Sequence[Hashable]:
    return examples.index.places() if isinstance(examples, Encoded) else examples.origin_of_all()


def _tell_unlearned(data: ConfigDict, train: InMemory | Encoded, test: InMemory | Encoded) -> None:
    """Prints of which classes test objects are that no training object is of: no detector finds them."""
    if not {"boxes", "box_label"} <= train.features.keys() & test.features.keys():
        return
    known, asked = (_classes_of_objects(split.arrays) for split in (train, test))
    if lacking := sorted(asked - known):
        names = few([train.features["box_label"].classes[label] for label in lacking])
        print(f"{data.name!r}: classes of test objects that no training object has: {names}", file=sys.stderr)


def _classes_of_objects(arrays: Mapping[str, np.ndarray]) -> set[int]:
    boxes = arrays["boxes"]
    return set(arrays["box_label"][(boxes[..., 2:] > boxes[..., :2]).all(axis=-1)].tolist())


def _check_labels(data: ConfigDict, train: InMemory | Encoded, test: InMemory | Encoded) -> None:
    """Refuses test labels of an .npz that its training split lacks: folders are told apart by name, numbers are not."""
    whole = data.name.endswith(".npz") and data.train_split == "train" and data.train_examples is None
    if not whole or "label" not in train.features:
        return
    lacking = sorted(set(test.labels.tolist()) - set(train.labels.tolist()))
    if lacking:
        shown = ", ".join(train.features["label"].classes[label] for label in lacking[:5])
        raise ConfigError(f"{data.name!r}: test labels are of classes that no training image has: {shown}")
