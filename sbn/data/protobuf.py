"""Reads serialised tf.train.Examples, protocol buffers, without TensorFlow."""

from collections.abc import Iterator
from typing import Any

import numpy as np


def parse_example(record: bytes) -> dict[str, list[Any]]:
    """Returns the byte strings, floats and whole numbers of a serialised tf.train.Example, by name of the feature."""
    features: dict[str, list[Any]] = {}
    for _, all_features in _fields(record):
        for _, entry in _fields(all_features):
            pair = dict(_fields(entry))
            for kind, values in _fields(pair[2]):
                if kind == 1:  # BytesList
                    features[pair[1].decode()] = [value for _, value in _fields(values)]
                elif kind == 2:  # FloatList, packed
                    packed = b"".join(value for _, value in _fields(values))
                    features[pair[1].decode()] = np.frombuffer(packed, "<f4").tolist()
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
