"""Reads image classification sets that TFDS has prepared, TFRecords of encoded images, without TensorFlow.

The checksums of records are compared as files are read: a flipped bit is another label or another image.
"""

import dataclasses
import re
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from etils import epath

from sbn.config.errors import ConfigError, shown, unknown
from sbn.config.numerals import whole
from sbn.data import crc32c
from sbn.data.decode import decode_all
from sbn.data.protobuf import parse_example
from sbn.runs.content import Damaged, read_bytes, read_json

_MOST_CLASSES = 2**20
_AT_ONCE = 4096  # records whose checksums are compared together


@dataclasses.dataclass(frozen=True)
class Keys:
    """The names of two features.

    Attributes:
        image: of the encoded image.
        label: of the class.
    """

    image: str = "image"
    label: str = "label"


def folder(name: str, data_dir: str) -> epath.Path | None:
    """Returns where a TFDS data_dir holds 'NAME', 'NAME/CONFIG' or 'NAME:VERSION'; None if it does not.

    Without a version it is the newest, without a config the default one, where TFDS noted it.
    """
    name, _, version = name.partition(":")
    root = epath.Path(data_dir).expanduser() / name
    found = [path.parent for path in root.glob(f"{version or '*'}/dataset_info.json")]
    if not found and "/" not in name:
        try:
            config = read_json(root / ".config/metadata.json")["default_config_name"]
            return folder(f"{name}/{config}:{version}", data_dir)
        except (ConfigError, OSError, ValueError, KeyError, TypeError):
            return None
    return max(found, key=lambda path: [whole(part) or 0 for part in path.name.split(".")], default=None)


def class_names(directory: epath.Path, *, label: str = "label", key: str = "data.label_feature") -> list[str]:
    """Returns the names of the classes, in the order of their numbers; `key` names the feature, for the message.

    Raises:
        ConfigError: if there is no such label.
    """
    path = directory / f"{label.replace('/', '-')}.labels.txt"
    if (content := read_bytes(path)) is not None:
        try:
            return content.decode().splitlines()
        except UnicodeDecodeError:
            raise Damaged(path, "it is not text") from None
    feature = features(directory).get(label, {}).get("classLabel")
    classes = feature.get("numClasses") if isinstance(feature, dict) else None
    if classes is None:
        labels = [path.name.removesuffix(".labels.txt") for path in directory.glob("*.labels.txt")]
        if "/" in label:  # TFDS writes 'objects/label' into objects-label.labels.txt
            labels = [name.replace("-", "/") for name in labels]
        raise unknown(f"label in {directory} ({key})", label, labels)
    return [str(number) for number in range(_count(classes, directory / "features.json", most=_MOST_CLASSES))]


def image_size(directory: epath.Path, *, image: str = "image") -> tuple[int, int] | None:
    """Returns (H, W) of all images, where TFDS declares it; None where they have sizes of their own, or it is unknown.

    Raises:
        ConfigError: if the set is known to have no such image.
    """
    known = features(directory)
    if not known:
        return None
    if "image" not in known.get(image, {}):
        raise unknown(
            f"image in {directory} (data.image_feature)",
            image,
            [name for name in known if "image" in known[name]],
        )
    try:
        height, width, _ = (whole(str(side)) or 0 for side in known[image]["image"]["shape"]["dimensions"])
    except (KeyError, TypeError, ValueError):
        return None
    return (height, width) if min(height, width) > 0 else None


def features(directory: epath.Path) -> Mapping[str, Any]:
    """Returns the features that TFDS noted, by name; none where it noted nothing.

    Raises:
        Damaged: if it noted something else.
    """
    path = directory / "features.json"
    content = read_json(path)
    if content is None and not path.exists():
        return {}
    try:
        found = content["featuresDict"]["features"]
        if isinstance(found, dict) and all(isinstance(feature, dict) for feature in found.values()):
            return found
    except (KeyError, TypeError):
        pass
    raise Damaged(path, "it lists no features")


def splits(directory: epath.Path) -> dict[str, list[int]]:
    """Returns the splits, each with the number of examples of each of its files.

    Raises:
        ConfigError: if what TFDS noted is damaged.
    """
    path = directory / "dataset_info.json"
    try:
        parts = [(str(part["name"]), list(part["shardLengths"])) for part in _info(path)["splits"]]
    except (KeyError, TypeError):
        raise Damaged(path, "it lists no splits") from None
    return {name: [_count(count, path) for count in counts] for name, counts in parts}


def _info(path: epath.Path) -> dict[str, Any]:
    found = read_json(path)
    if not isinstance(found, dict):
        raise Damaged(path, "it lists no splits")
    return found


def _count(value: Any, path: epath.Path, *, most: int = 2**40) -> int:
    """A number of examples or classes, which TFDS writes as text."""
    if not re.fullmatch(r"[0-9]{1,13}", str(value)) or int(value) > most:
        raise Damaged(path, f"{shown(value)} is not a number of examples or classes")
    return int(value)


def shards(directory: epath.Path, split: str) -> dict[epath.Path, int]:
    """Returns the files of a split, in their order, which is TFDS's own without shuffling, with their examples.

    Raises:
        ConfigError: if there is no such split, or it was not prepared as TFRecords.
    """
    there = splits(directory)
    if split not in there:
        raise unknown(f"split of {directory}", split, there)
    files = sorted(directory.glob(f"*-{split}.tfrecord-*"))
    if len(files) != len(there[split]):
        kind = _info(directory / "dataset_info.json").get("fileFormat", "tfrecord")
        hint = f": it was prepared as {kind}, and this reads tfrecord alone" if kind != "tfrecord" else ""
        raise ConfigError(f"{directory} holds {len(files)} of the {len(there[split])} files of {split!r}{hint}")
    return dict(zip(files, there[split], strict=True))


def read(directory: epath.Path, split: str, *, keys: Keys = Keys()) -> tuple[np.ndarray, np.ndarray]:
    """Returns (M, H, W, 3) uint8 images and (M,) int32 labels of a split, in the order of its files.

    Raises:
        ConfigError: if files or examples are missing or damaged, or images differ in size.
    """
    found: list[tuple[int, bytes, int]] = []
    names: list[str] = []
    for path, count in shards(directory, split).items():
        found += images(path, count=count, keys=keys)
        names += [f"example {number} of {path}" for number in range(count)]
    return decode_all([image for _, image, _ in found], names), np.array([label for *_, label in found], np.int32)


def images(path: epath.Path, *, count: int, keys: Keys = Keys()) -> Iterator[tuple[int, bytes, int]]:
    """Yields (where it begins in the file, encoded image, label) for every example of a file.

    Raises:
        ConfigError: if the file is cut short or damaged, or holds another number of examples than `count`.
    """
    for start, record, features in examples(path, count=count):
        image, label = fields(features, keys, name=f"the record at byte {start} of {path}")
        # The first place with these very bytes: whether or not it is the field's own, it holds the image.
        yield start + record.index(image), image, label


def examples(path: epath.Path, *, count: int) -> Iterator[tuple[int, bytes, dict[str, list[Any]]]]:
    """Yields (where it begins in the file, record, its features as `parse_example` has them) for every example.

    Raises:
        ConfigError: if the file is cut short or damaged, or holds another number of examples than `count`.
    """
    found = 0
    for start, record in records(path):
        try:
            features = parse_example(record)
        except (ValueError, IndexError, KeyError, TypeError, AttributeError):
            raise ConfigError(f"the record at byte {start} of {path} is damaged: it is not an example") from None
        yield start, record, features
        found += 1
    if found != count:
        raise ConfigError(f"{path} holds {found} of its {count} examples")


def fields(features: Mapping[str, list[Any]], keys: Keys, *, name: str) -> tuple[bytes, int]:
    """Returns the encoded image and the label of an example, called `name` in messages.

    Raises:
        ConfigError: if it has not one of each.
    """
    image = encoded(features, keys.image, name=name, key="data.image_feature")
    if keys.label not in features:
        raise unknown(f"feature of {name} (data.label_feature)", keys.label, features)
    label = features[keys.label]
    if len(label) != 1 or not isinstance(label[0], int):
        raise ConfigError(f"{name} holds no class under {keys.label!r} (data.label_feature)")
    return image, label[0]


def encoded(features: Mapping[str, list[Any]], feature: str, *, name: str, key: str) -> bytes:
    """Returns the encoded image under a feature of an example, called `name` in messages.

    Raises:
        ConfigError: if there is none; it says which config key names the feature.
    """
    if feature not in features:
        raise unknown(f"feature of {name} ({key})", feature, features)
    if len(features[feature]) != 1 or not isinstance(features[feature][0], bytes):
        raise ConfigError(f"{name} holds no encoded image under {feature!r} ({key})")
    found: bytes = features[feature][0]
    return found


def records(path: epath.Path) -> Iterator[tuple[int, bytes]]:
    """Yields the records of a TFRecord file with the place where each begins, their checksums compared.

    In the file stand its length (8 bytes), the checksum of that (4), the record, and its checksum (4).

    Raises:
        ConfigError: at what is cut short, or does not agree with its checksum; it names the file and the byte.
    """
    data = read_bytes(path)
    if data is None:
        raise ConfigError(f"{path} does not exist")
    view, start = memoryview(data), 0
    found: list[tuple[int, int]] = []
    while start < len(data):
        length = struct.unpack_from("<Q", data, start)[0] if start + 12 <= len(data) else len(data)
        if start + 16 + length > len(data) or length < 4:  # an example has more
            yield from _compared(view, found, path)
            damaged = start + 12 <= len(data) and not _agree(view, [(start, 8)])[0]
            raise ConfigError(f"{path} is {'damaged' if damaged else 'cut short'} at byte {start}")
        found.append((start + 12, length))
        start += 16 + length
        if len(found) == _AT_ONCE or start == len(data):
            yield from _compared(view, found, path)
            found = []


def _compared(view: memoryview, found: list[tuple[int, int]], path: epath.Path) -> Iterator[tuple[int, bytes]]:
    whole = _agree(view, found) & _agree(view, [(start - 12, 8) for start, _ in found])
    for (start, length), agrees in zip(found, whole, strict=True):
        if not agrees:
            raise ConfigError(f"{path} is damaged: the record at byte {start} does not agree with its checksum")
        yield start, bytes(view[start : start + length])


def _agree(view: memoryview, places: list[tuple[int, int]]) -> np.ndarray:
    """Whether the bytes at (start, length) agree with the checksum that follows them, (n,) bool."""
    stored = [struct.unpack_from("<I", view, start + length)[0] for start, length in places]
    return crc32c.masked([view[start : start + length] for start, length in places]) == np.array(stored, np.uint32)
