"""Reads image classification sets that TFDS has prepared, TFRecords of PNGs or JPEGs, without TensorFlow."""

import json
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from etils import epath

from sbn.config.errors import ConfigError, unknown
from sbn.data.decode import decode_all


def folder(name: str, data_dir: str) -> epath.Path | None:
    """Returns where a TFDS data_dir holds the newest version of 'NAME' or 'NAME/CONFIG'; None if it has none."""
    versions = [path.parent for path in (epath.Path(data_dir).expanduser() / name).glob("*/dataset_info.json")]
    return max(versions, key=lambda path: [int(part) for part in path.name.split(".") if part.isdigit()], default=None)


def class_names(directory: epath.Path) -> list[str]:
    """Returns the names of the classes, in the order of their numbers."""
    return (directory / "label.labels.txt").read_text().splitlines()


def shards(directory: epath.Path, split: str) -> dict[epath.Path, int]:
    """Returns the files of a split, in their order, which is TFDS's own without shuffling, with their examples.

    Raises:
        ConfigError: if there is no such split, or it was not prepared as TFRecords.
    """
    info = json.loads((directory / "dataset_info.json").read_text())
    splits = {part["name"]: [int(count) for count in part["shardLengths"]] for part in info["splits"]}
    if split not in splits:
        raise unknown(f"split of {directory}", split, splits)
    files = sorted(directory.glob(f"*-{split}.tfrecord-*"))
    if len(files) != len(splits[split]):
        kind = info.get("fileFormat", "tfrecord")
        hint = f": it was prepared as {kind}, and this reads tfrecord alone" if kind != "tfrecord" else ""
        raise ConfigError(f"{directory} holds {len(files)} of the {len(splits[split])} files of {split!r}{hint}")
    return dict(zip(files, splits[split], strict=True))


def read(directory: epath.Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns (M, H, W, 3) uint8 images and (M,) int32 labels of a split, in the order of its files.

    Raises:
        ConfigError: if files or examples are missing, or images differ in size.
    """
    found: list[tuple[int, bytes, int]] = []
    names: list[str] = []
    for path, count in shards(directory, split).items():
        found += images(path, count=count)
        names += [f"example {number} of {path}" for number in range(count)]
    return decode_all([image for _, image, _ in found], names), np.array([label for *_, label in found], np.int32)


def images(path: epath.Path, *, count: int) -> Iterator[tuple[int, bytes, int]]:
    """Yields (where it begins in the file, encoded image, label) for every example of a file.

    Raises:
        ConfigError: if the file is cut short, or holds another number of examples than `count`.
    """
    data, found = path.read_bytes(), 0
    try:
        for start, record in records(data):
            features = parse_example(record)
            (image,), (label,) = features["image"], features["label"]
            # The first place with these very bytes: whether or not it is the field's own, it holds the image.
            yield start + record.index(image), image, label
            found += 1
    except EOFError:
        raise ConfigError(f"{path} is cut short") from None
    if found != count:
        raise ConfigError(f"{path} holds {found} of its {count} examples")


def records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yields the records of a TFRecord file with the place where each begins.

    In the file stand its length (8 bytes), the checksum of that (4), the record, and its checksum (4). The checksums
    are CRC-32C, which Python lacks, and are passed over; PNGs carry their own.

    Raises:
        EOFError: if the last one is not whole.
    """
    start = 0
    while start < len(data):
        length = struct.unpack_from("<Q", data, start)[0] if start + 12 <= len(data) else len(data)
        if start + 16 + length > len(data):
            raise EOFError(f"the record at byte {start} is not whole")
        yield start + 12, data[start + 12 : start + 12 + length]
        start += 16 + length


def parse_example(record: bytes) -> dict[str, list[Any]]:
    """Returns the byte strings and whole numbers of a serialised tf.train.Example, by name of the feature."""
    features: dict[str, list[Any]] = {}
    for _, all_features in _fields(record):
        for _, entry in _fields(all_features):
            pair = dict(_fields(entry))
            for kind, values in _fields(pair[2]):
                if kind == 1:  # BytesList
                    features[pair[1].decode()] = [value for _, value in _fields(values)]
                elif kind == 3:  # Int64List, packed or one number a field
                    features[pair[1].decode()] = [
                        number - (number >> 63 << 64)  # -1, "no label", has all 64 bits set
                        for _, value in _fields(values)
                        for number in (_numbers(value) if isinstance(value, bytes) else [value])
                    ]
    return features


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Yields (field number, value) of a protocol buffer message of length-delimited fields and varints."""
    start = 0
    while start < len(message):
        tag, start = _varint(message, start)
        value, start = _varint(message, start)
        if tag & 7 == 2:
            yield tag >> 3, message[start : start + value]
            start += value
        elif tag & 7 == 0:
            yield tag >> 3, value
        else:
            raise ValueError(f"a protocol buffer field of wire type {tag & 7}; a tf.train.Example has 0 and 2")


def _numbers(data: bytes) -> Iterator[int]:
    start = 0
    while start < len(data):
        value, start = _varint(data, start)
        yield value


def _varint(data: bytes, start: int) -> tuple[int, int]:
    """Returns the number that begins at `start`, seven bits a byte, lowest first, and where it ends."""
    value = shift = 0
    while True:
        byte = data[start]
        value |= (byte & 127) << shift
        start, shift = start + 1, shift + 7
        if byte < 128:
            return value, start
