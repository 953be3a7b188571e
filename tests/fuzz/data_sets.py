"""One small data set in every form that is read, made without TensorFlow: images of 8 x 8 pixels of three classes."""

import io
import json
import pathlib
import struct
import zipfile
from collections.abc import Callable

import numpy as np
from PIL import Image

from sbn.data import crc32c
from sbn.data.corruptions.kinds import BENCHMARK, GROUPS, SEVERITIES

CLASSES = ("ant", "bee", "cat")
SIDE = 8
COUNTS = {"train": 7, "test": 5}


def pictures(split: str, side: int = SIDE) -> np.ndarray:
    """Returns (M, side, side, 3) uint8."""
    return np.random.default_rng(len(split)).integers(0, 256, (COUNTS[split], side, side, 3), np.uint8)


def labels(split: str) -> np.ndarray:
    """Returns (M,) int32."""
    return (np.arange(COUNTS[split], dtype=np.int32) * 2) % 3


def encoded(image: np.ndarray) -> bytes:
    """Returns a PNG."""
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG")
    return out.getvalue()


def archive(folder: pathlib.Path, **changes: np.ndarray) -> pathlib.Path:
    """Writes an .npz of one's own."""
    arrays: dict[str, np.ndarray] = {"class_names": np.array(CLASSES)}
    for split in COUNTS:
        arrays |= {f"{split}_images": pictures(split), f"{split}_labels": labels(split)}
    path = folder / "own.npz"
    np.savez(path, **{**arrays, **changes})
    return path


def image_folder(folder: pathlib.Path) -> pathlib.Path:
    """Writes train/CLASS/*.png and test/CLASS/*.png."""
    for split in COUNTS:
        for number, (image, label) in enumerate(zip(pictures(split), labels(split), strict=True)):
            path = folder / split / CLASSES[label] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded(image))
    return folder


def _varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _record(image: bytes, label: int) -> bytes:
    values = {"image": _field(1, _field(1, image)), "label": _field(3, _field(1, _varint(label)))}
    entries = [_field(1, _field(1, name.encode()) + _field(2, value)) for name, value in values.items()]
    record = _field(1, b"".join(entries))
    length = struct.pack("<Q", len(record))
    sums = crc32c.masked([memoryview(length), memoryview(record)])
    return length + struct.pack("<I", sums[0]) + record + struct.pack("<I", sums[1])


def records(data_dir: pathlib.Path, name: str = "mnist", *, side: int = SIDE) -> pathlib.Path:
    """Writes what TFDS would have prepared, two files for training, one for the test; returns their folder."""
    folder = data_dir / name / "1.0.0"
    folder.mkdir(parents=True)
    info = []
    for split, parts in (("train", (slice(4), slice(4, None))), ("test", (slice(None),))):
        images, numbers = pictures(split, side), labels(split)
        info.append({"name": split, "shardLengths": [str(len(images[part])) for part in parts]})
        for place, part in enumerate(parts):
            path = folder / f"{name.split('/')[0]}-{split}.tfrecord-{place:05}-of-{len(parts):05}"
            pairs = zip(images[part], numbers[part], strict=True)
            path.write_bytes(b"".join(_record(encoded(image), int(label)) for image, label in pairs))
    (folder / "dataset_info.json").write_text(json.dumps({"fileFormat": "tfrecord", "splits": info}))
    (folder / "label.labels.txt").write_text("\n".join(CLASSES) + "\n")
    features = {
        "image": {"image": {"shape": {"dimensions": [str(side), str(side), "3"]}}},
        "label": {"classLabel": {"numClasses": "3"}},
    }
    (folder / "features.json").write_text(json.dumps({"featuresDict": {"features": features}}))
    return folder


def tiny_imagenet(folder: pathlib.Path) -> pathlib.Path:
    """Writes the published folder of a Tiny-ImageNet."""
    for number, (image, label) in enumerate(zip(pictures("train"), labels("train"), strict=True)):
        path = folder / "train" / CLASSES[label] / "images" / f"{CLASSES[label]}_{number}.JPEG"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(image))
    (folder / "val/images").mkdir(parents=True)
    lines = []
    for number, (image, label) in enumerate(zip(pictures("test"), labels("test"), strict=True)):
        (folder / f"val/images/val_{number}.JPEG").write_bytes(encoded(image))
        lines.append(f"val_{number}.JPEG\t{CLASSES[label]}\t0\t0\t62\t62\n")
    (folder / "val/val_annotations.txt").write_text("".join(lines))
    (folder / "wnids.txt").write_text("\n".join(CLASSES) + "\n")
    return folder


def zipped(folder: pathlib.Path, path: pathlib.Path) -> pathlib.Path:
    """Packs a folder, itself included."""
    with zipfile.ZipFile(path, "w") as packed:
        for file in sorted(folder.rglob("*")):
            packed.write(file, file.relative_to(folder.parent))
    return path


def corrupted_arrays(folder: pathlib.Path) -> pathlib.Path:
    """Writes what CIFAR-10-C is released as, for the test split: a file of each of two types, and the labels."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in BENCHMARK[:2]:
        np.save(folder / f"{kind}.npy", np.concatenate([pictures("test")] * len(SEVERITIES)))
    np.save(folder / "labels.npy", np.tile(labels("test"), len(SEVERITIES)))
    return folder


def corrupted_folders(folder: pathlib.Path, *, side: int = 224) -> pathlib.Path:
    """Writes what ImageNet-C is released as: a folder for each severity of one type."""
    kind = BENCHMARK[0]
    group = next(group for group, kinds in GROUPS.items() if kind in kinds)
    images = [encoded(np.full((side, side, 3), 40 * number, np.uint8)) for number in range(COUNTS["test"])]
    for severity in SEVERITIES:
        for number, label in enumerate(labels("test")):
            path = folder / group / kind / str(severity) / CLASSES[label] / f"val_{number}.JPEG"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(images[number])
    return folder


def corrupted_records(data_dir: pathlib.Path) -> pathlib.Path:
    """Writes what TFDS would have prepared of a type of CIFAR-10-C."""
    for severity in SEVERITIES:
        records(data_dir, f"cifar10_corrupted/{BENCHMARK[0]}_{severity}", side=32)
    return data_dir


FORMS: dict[str, Callable[[pathlib.Path], pathlib.Path]] = {
    "archive": archive,
    "folder": image_folder,
    "records": lambda folder: records(folder).parents[1],
    "tiny_imagenet": tiny_imagenet,
    "zip": lambda folder: zipped(tiny_imagenet(folder / "tiny-imagenet-200"), folder / "tiny-imagenet-200.zip"),
}
