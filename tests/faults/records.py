"""A prepared data set as TFDS leaves it, written without TensorFlow, whose start would cost more than the tests do."""

import io
import json
import struct

import numpy as np
from PIL import Image

from sbn.data import crc32c


def _varint(number):
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def _field(number, content):
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _masked(data):
    return struct.pack("<I", int(crc32c.masked([data])[0]))


def _example(features):
    entries = [_field(1, _field(1, name.encode()) + _field(2, content)) for name, content in features.items()]
    return _framed(_field(1, b"".join(entries)))


def _framed(record):
    length = struct.pack("<Q", len(record))
    return length + _masked(length) + record + _masked(record)


def write_texts(data_dir, name, splits):
    """Writes `splits`, {split: [{feature: text}, ...]}, one file a split, as TFDS has translations."""
    folder = data_dir / name / "1.0.0"
    folder.mkdir(parents=True)
    for split, examples in splits.items():
        records = [
            _example({key: _field(1, _field(1, text.encode())) for key, text in one.items()}) for one in examples
        ]
        (folder / f"{name.partition('/')[0]}-{split}.tfrecord-00000-of-00001").write_bytes(b"".join(records))
    info = [{"name": split, "shardLengths": [str(len(examples))]} for split, examples in splits.items()]
    (folder / "dataset_info.json").write_text(json.dumps({"splits": info}))


def write(data_dir, name, splits, *, size=8, classes=3):
    """Writes `splits`, {split: number of examples}, of noise, one file a split."""
    rng = np.random.default_rng(0)
    folder = data_dir / name / "1.0.0"
    folder.mkdir(parents=True)
    for split, count in splits.items():
        content = b""
        for number in range(count):
            png = io.BytesIO()
            Image.fromarray(rng.integers(0, 256, (size, size, 3), np.uint8)).save(png, "PNG")
            image, label = _field(1, _field(1, png.getvalue())), _field(3, _field(1, _varint(number % classes)))
            content += _example({"image": image, "label": label})
        (folder / f"{name}-{split}.tfrecord-00000-of-00001").write_bytes(content)
    info = [{"name": split, "shardLengths": [str(count)]} for split, count in splits.items()]
    (folder / "dataset_info.json").write_text(json.dumps({"fileFormat": "tfrecord", "splits": info}))
    (folder / "label.labels.txt").write_text("".join(f"class{number}\n" for number in range(classes)))
