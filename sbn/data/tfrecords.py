"""Reads image classification sets that TFDS has prepared, TFRecords of PNGs, without TensorFlow."""

import io
import json
import pathlib
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from sbn.config.errors import ConfigError

Examples = tuple[np.ndarray, np.ndarray]


def folder(name: str, data_dir: str) -> pathlib.Path:
    """Returns where a TFDS data_dir holds the newest version of a data set.

    Raises:
        ConfigError: if it holds none.
    """
    versions = [path.parent for path in (pathlib.Path(data_dir).expanduser() / name).glob("*/dataset_info.json")]
    if not versions:
        raise ConfigError(f"no prepared {name!r} in {data_dir}: run `tfds build {name} --data_dir={data_dir}` first")
    return max(versions, key=lambda path: [int(part) for part in path.name.split(".") if part.isdigit()])


def class_names(directory: pathlib.Path) -> list[str]:
    """Returns the names of the classes, in the order of their numbers."""
    return (directory / "label.labels.txt").read_text().splitlines()


def read(directory: pathlib.Path, split: str) -> Examples:
    """Returns the examples of a split in the order of its files, which is TFDS's own without shuffling.

    Returns:
        (M, H, W, 3) uint8 images and (M,) int32 labels.

    Raises:
        ConfigError: if files or examples are missing.
    """
    info = json.loads((directory / "dataset_info.json").read_text())
    lengths = {part["name"]: sum(int(n) for n in part["shardLengths"]) for part in info["splits"]}
    images, labels = [], []
    for path in sorted(directory.glob(f"*-{split}.tfrecord-*")):
        for record in _whole_records(path):
            features = parse_example(record)
            (png,), (label,) = features["image"], features["label"]
            images.append(np.asarray(Image.open(io.BytesIO(png)).convert("RGB")))
            labels.append(label)
    if not labels or len(labels) != lengths.get(split):
        raise ConfigError(f"{directory} holds {len(labels)} of the {lengths.get(split, 0)} examples of {split!r}")
    return np.stack(images), np.array(labels, np.int32)


def _whole_records(path: pathlib.Path) -> list[bytes]:
    try:
        return list(records(path.read_bytes()))
    except struct.error:
        raise ConfigError(f"{path} is cut short") from None


def records(data: bytes) -> Iterator[bytes]:
    """Yields the records of a TFRecord file: length (8 bytes), its checksum (4), the record, its checksum (4).

    The checksums are CRC-32C, which Python lacks, and are passed over; PNGs carry their own.
    """
    start = 0
    while start < len(data):
        (length,) = struct.unpack_from("<Q", data, start)
        yield data[start + 12 : start + 12 + length]
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
                        number
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
