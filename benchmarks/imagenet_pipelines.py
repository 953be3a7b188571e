"""What `imagenet_input` reads and compares: JPEGs as TFDS would write them, our pipeline, and the usual ones."""

import io
import json
import pathlib

import numpy as np
import tensorflow as tf
from PIL import Image

from sbn.augment.pipeline import parse
from sbn.config import tree
from sbn.data import host, sources
from sbn.data.statistics import KNOWN
from sbn.data.views import View

SHAPE, SIDE, QUALITY = (375, 500), 224, 95
WEAK = f"inception_crop({SIDE})|flip"


def jpeg(rng):
    """A picture whose JPEG takes about what ImageNet's take: structure at all scales."""
    height, width = SHAPE
    picture = np.zeros((*SHAPE, 3))
    for scale, strength in ((1, 40), (2, 25), (8, 60), (32, 110), (128, 150)):
        coarse = rng.integers(0, 256, (height // scale + 2, width // scale + 2, 3), np.uint8)
        layer = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
        picture += strength * (layer / 255 - 0.5)
    out = io.BytesIO()
    Image.fromarray(np.clip(picture + 128, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def prepare(data_dir, count):
    """Writes what TFDS would."""
    folder = pathlib.Path(data_dir) / "imagenet2012/5.1.0"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    path = folder / "imagenet2012-train.tfrecord-00000-of-00001"
    sizes = []
    with tf.io.TFRecordWriter(str(path)) as writer:
        for label in range(count):
            image = jpeg(rng)
            sizes.append(len(image))
            features = {
                "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[image])),
                "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label % 10])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    splits = [{"name": "train", "shardLengths": [str(count)]}]
    (folder / "dataset_info.json").write_text(json.dumps({"splits": splits}))
    (folder / "label.labels.txt").write_text("\n".join(map(str, range(10))))
    print(f"{count} JPEGs of {SHAPE[1]} x {SHAPE[0]}, {np.mean(sizes) / 1e3:.0f} kB each")
    return str(path)


def ours(data_dir, views, batch, *, shared=False):
    wanted = {"data.name": "imagenet2012", "data.dir": data_dir}
    source = sources.load(tree.to_config(tree.changed(tree.defaults(), wanted)).data, "train")
    pipelines = [View(parse(WEAK), 0 if shared else number) for number in range(views)]
    return host.batches(source, pipelines, seed=0, stage=0, batch_size=batch, start=0, stop=10**9)


def usual(path, views, batch, **resize):
    """The usual way; without `resize` it decodes the windows alone, and gives how many values they have."""
    mean, deviation = (tf.constant([255 * value for value in row]) for row in KNOWN["imagenet2012"])

    def view(data):
        begin, size, _ = tf.image.sample_distorted_bounding_box(
            tf.image.extract_jpeg_shape(data),
            bounding_boxes=tf.constant([[[0.0, 0.0, 1.0, 1.0]]]),
            min_object_covered=0.1,
            aspect_ratio_range=(3 / 4, 4 / 3),
            area_range=(0.08, 1.0),
            max_attempts=10,
            use_image_if_no_bounding_boxes=True,
        )
        window = tf.concat([begin[:2], size[:2]], 0)
        image = tf.image.decode_and_crop_jpeg(data, window, channels=3)
        if not resize:
            return tf.size(image)
        image = tf.image.random_flip_left_right(tf.image.resize(image, (SIDE, SIDE), **resize))
        return (image - mean) / deviation

    def example(record):
        features = {"image": tf.io.FixedLenFeature([], tf.string), "label": tf.io.FixedLenFeature([], tf.int64)}
        parsed = tf.io.parse_single_example(record, features)
        return tuple(view(parsed["image"]) for _ in range(views)), parsed["label"]

    records = tf.data.TFRecordDataset(path).repeat().shuffle(256)
    examples = records.map(example, num_parallel_calls=tf.data.AUTOTUNE)
    return examples.batch(batch, drop_remainder=True).prefetch(2).as_numpy_iterator()


def link(data_dir, path):
    """Makes a data set of one file of real records, read by everybody."""
    folder = pathlib.Path(data_dir) / "imagenet2012/5.1.0"
    folder.mkdir(parents=True)
    copy = folder / "imagenet2012-train.tfrecord-00000-of-00001"
    copy.symlink_to(pathlib.Path(path).resolve())
    count = sum(1 for _ in tf.data.TFRecordDataset(path))
    splits = [{"name": "train", "shardLengths": [str(count)]}]
    (folder / "dataset_info.json").write_text(json.dumps({"splits": splits}))
    (folder / "label.labels.txt").write_text("\n".join(map(str, range(1000))))
    return str(copy)
