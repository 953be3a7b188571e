"""Makes tiny data sets as they are published and as TFDS prepares them, of images of several sizes and kinds."""

import io
import json
import zipfile

import numpy as np
import tensorflow as tf
from PIL import Image


def picture(rng, height, width):
    """Returns (height, width, 3) uint8: smooth, with some noise."""
    coarse = rng.integers(0, 256, (height // 6 + 2, width // 6 + 2, 3), np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)).astype(int)
    return np.clip(smooth + rng.integers(-20, 21, (height, width, 3)), 0, 255).astype(np.uint8)


def encode(image, kind="JPEG", mode="RGB", **options):
    """Returns the bytes of an image file."""
    out = io.BytesIO()
    Image.fromarray(image).convert(mode).save(out, kind, **options)
    return out.getvalue()


def pillow(data):
    """Returns what Pillow makes of an image file, (H, W, 3) uint8."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def examples(count, *, classes, sizes, seed=0):
    """Returns [(encoded image, label), ...]; every seventh image is grey."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        image = picture(rng, *sizes[number % len(sizes)])
        made.append((encode(image, mode="L" if number % 7 == 3 else "RGB", quality=90), int(rng.integers(classes))))
    return made


def write_records(data_dir, name, splits, *, class_names, shards=2, features=("image", "label")):
    """Writes what TFDS would, {split: [(encoded image, label), ...]}, and returns the folder; `features` are names."""
    folder = data_dir / name / "1.0.0"
    folder.mkdir(parents=True)
    info = []
    for split, held in splits.items():
        parts = [held[i * len(held) // shards : (i + 1) * len(held) // shards] for i in range(shards)]
        info.append({"name": split, "shardLengths": [str(len(part)) for part in parts]})
        for number, part in enumerate(parts):
            path = folder / f"{name.split('/')[0]}-{split}.tfrecord-{number:05}-of-{shards:05}"
            with tf.io.TFRecordWriter(str(path)) as writer:
                for image, label in part:
                    writer.write(_record(image, label, features))
    (folder / "dataset_info.json").write_text(json.dumps({"fileFormat": "tfrecord", "splits": info}))
    (folder / f"{features[1]}.labels.txt").write_text("\n".join(class_names) + "\n")
    return folder


def _record(image, label, names):
    feature = {
        names[0]: tf.train.Feature(bytes_list=tf.train.BytesList(value=[image])),
        names[1]: tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
        "file_name": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"some.JPEG"])),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def write_folder(root, splits, *, class_names):
    """Writes ROOT/train/CLASS/*.JPEG and ROOT/val/CLASS/*.JPEG, and returns {split: examples in order of names}."""
    ordered = {}
    for split, folder in (("train", "train"), ("validation", "val")):
        named = {}
        for number, (image, label) in enumerate(splits[split]):
            path = root / folder / class_names[label] / f"{class_names[label]}_{number}.JPEG"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(image)
            named[str(path)] = image, label
        ordered[split] = [named[name] for name in sorted(named)]
    return ordered


def write_tiny_imagenet(root, splits, *, class_names):
    """Writes tiny-imagenet-200's layout, and returns {split: examples in the order they are read}."""
    root.mkdir(parents=True)
    (root / "wnids.txt").write_text("\n".join(reversed(class_names)) + "\n")  # not sorted, as published
    named = {}
    for number, (image, label) in enumerate(splits["train"]):
        path = root / "train" / class_names[label] / "images" / f"{class_names[label]}_{number}.JPEG"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image)
        (path.parents[1] / f"{class_names[label]}_boxes.txt").write_text("x\t0\t0\t1\t1\n")
        named[str(path)] = image, label
    (root / "val/images").mkdir(parents=True)
    lines = []
    for number, (image, label) in enumerate(splits["validation"]):
        (root / f"val/images/val_{number}.JPEG").write_bytes(image)
        lines.append(f"val_{number}.JPEG\t{class_names[label]}\t0\t0\t62\t62\n")
    (root / "val/val_annotations.txt").write_text("".join(lines))
    (root / "test/images").mkdir(parents=True)
    (root / "test/images/test_0.JPEG").write_bytes(splits["train"][0][0])
    return {"train": [named[name] for name in sorted(named)], "validation": splits["validation"]}


def write_zip(folder, path):
    """Packs a folder, itself included, as published."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder.parent))
