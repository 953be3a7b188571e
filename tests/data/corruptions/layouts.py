"""Small corrupted sets in the layouts in which they are released."""

import json

import numpy as np
import tensorflow as tf
from PIL import Image

from sbn.data.corruptions.kinds import GROUPS, SEVERITIES


def cifar(folder, kinds, *, count=4, classes=10):
    """CIFAR-10-C: {kind: (5 * count, 32, 32, 3) uint8}, and labels (count,)."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) * 3 % classes
    arrays = {kind: rng.integers(0, 256, (5 * count, 32, 32, 3), np.uint8) for kind in kinds}
    folder.mkdir(parents=True, exist_ok=True)
    for kind, images in arrays.items():
        np.save(folder / f"{kind}.npy", images)
    np.save(folder / "labels.npy", np.tile(labels, 5).astype(np.uint8))
    return arrays, labels


def imagenet(folder, kinds, *, wnids=("n01", "n02", "n03"), each=2, grouped=True, size=(224, 224)):
    """ImageNet-C: grey images whose level is 10 * number in the order of file names + severity."""
    for kind in kinds:
        group = next(group for group, members in GROUPS.items() if kind in members)
        for severity in SEVERITIES:
            for number in range(each * len(wnids)):
                place = folder / (group if grouped else "") / kind / str(severity) / wnids[-1 - number % len(wnids)]
                place.mkdir(parents=True, exist_ok=True)
                image = Image.fromarray(np.full(size, 10 * number + severity, np.uint8))
                image.save(place / f"ILSVRC2012_val_{number + 1:08}.JPEG", quality=95)


def _field(number, data):
    """A length-delimited field of a protocol buffer."""
    length, size = b"", len(data)
    while size >= 128:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + data


def _example(image, label):
    features = {b"image": _field(1, _field(1, image)), b"label": _field(3, _field(1, bytes([label])))}
    entries = [_field(1, _field(1, name) + _field(2, feature)) for name, feature in features.items()]
    return _field(1, b"".join(entries))


def records(folder, split, encoded, labels, *, shards=2):
    """A config of TFDS as it is prepared, of encoded images."""
    folder.mkdir(parents=True)
    parts = np.array_split(np.arange(len(labels)), shards)
    for number, part in enumerate(parts):
        with tf.io.TFRecordWriter(str(folder / f"data-{split}.tfrecord-{number:05}-of-{shards:05}")) as file:
            for place in part:
                file.write(_example(encoded[place], int(labels[place])))
    info = {"splits": [{"name": split, "shardLengths": [str(len(part)) for part in parts]}]}
    (folder / "dataset_info.json").write_text(json.dumps(info))
