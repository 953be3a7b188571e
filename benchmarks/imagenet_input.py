"""How fast images of different sizes reach 224 pixels beside a tf.data ImageNet pipeline of the usual form.

`python -m benchmarks.imagenet_input [--images 512] [--batch 64] [--rounds 5]`

Both read the same TFRecords of 500 x 375 JPEGs, about 100 kB each, and make Inception crops and flips, one view an
image and two. The usual form: shuffle a buffer of records, parse, and for every view sample a distorted bounding box,
decode that part with the fast DCT, resize bicubically without antialiasing (tensorflow/tpu's) or bilinearly with it, as
Pillow and torchvision do, flip, clip to uint8. Ours: random access by id in an order of its own, accurate DCT, decoded
once for both views, antialiased bilinear filter, packed pixels.
Rounds are interleaved; CPU time is that of the process; medians over rounds.
"""

import argparse
import io
import json
import os
import pathlib
import statistics
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from PIL import Image

from benchmarks.augment_host import measure
from sbn.augment.pipeline import parse
from sbn.config import tree
from sbn.data import host, sources
from sbn.data.views import View

SHAPE, SIDE = (375, 500), 224
WEAK = f"inception_crop({SIDE})|flip"


def jpeg(rng):
    """A picture whose JPEG takes about what ImageNet's take: structure at all scales."""
    height, width = SHAPE
    picture = np.zeros((*SHAPE, 3))
    for scale, strength in ((2, 25), (8, 60), (32, 110), (128, 150)):
        coarse = rng.integers(0, 256, (height // scale + 2, width // scale + 2, 3), np.uint8)
        layer = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
        picture += strength * (layer / 255 - 0.5)
    out = io.BytesIO()
    Image.fromarray(np.clip(picture + 128, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=90)
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
    print(f"{count} JPEGs of {SHAPE[1]} x {SHAPE[0]}, {statistics.mean(sizes) / 1e3:.0f} kB each")
    return str(path)


def ours(data_dir, views, batch):
    wanted = {"data.name": "imagenet2012", "data.dir": data_dir}
    source = sources.load(tree.to_config(tree.changed(tree.defaults(), wanted)).data, "train")
    pipelines = [View(parse(WEAK), number) for number in range(views)]
    return host.batches(source, pipelines, seed=0, stage=0, batch_size=batch, start=0, stop=10**9)


def usual(path, views, batch, **resize):
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
        image = tf.image.resize(image, (SIDE, SIDE), **resize)
        return tf.cast(tf.clip_by_value(tf.image.random_flip_left_right(image), 0, 255), tf.uint8)

    def example(record):
        features = {"image": tf.io.FixedLenFeature([], tf.string), "label": tf.io.FixedLenFeature([], tf.int64)}
        parsed = tf.io.parse_single_example(record, features)
        return tuple(view(parsed["image"]) for _ in range(views)), parsed["label"]

    records = tf.data.TFRecordDataset(path).repeat().shuffle(256)
    examples = records.map(example, num_parallel_calls=tf.data.AUTOTUNE)
    return examples.batch(batch, drop_remainder=True).prefetch(2).as_numpy_iterator()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=12, help="a pipeline and round")
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as data_dir:
        os.environ["XDG_CACHE_HOME"] = data_dir
        path = prepare(data_dir, flags.images)
        print(f"{'':12}{'views':>6}{'images/s':>10}{'images/cpu-s':>14}{'ours is, per cpu-s (range)':>36}")
        for views in (1, 2):
            iterators = {
                "ours": ours(data_dir, views, flags.batch),
                "bicubic": usual(path, views, flags.batch, method="bicubic"),
                "antialiased": usual(path, views, flags.batch, antialias=True),
            }
            for iterator in iterators.values():
                measure(iterator, 8)  # traces, and settles how many threads
            found = {name: [] for name in iterators}
            for _ in range(flags.rounds):
                for name, iterator in iterators.items():
                    found[name].append(measure(iterator, flags.batches))
            count = flags.batches * flags.batch
            for name, times in found.items():
                cpu, wall = (count / statistics.median(kind) for kind in zip(*times, strict=True))
                ratios = sorted(theirs[0] / mine[0] for mine, theirs in zip(found["ours"], times, strict=True))
                shown = f"{statistics.median(ratios):.2f} x ({ratios[0]:.2f} to {ratios[-1]:.2f})"
                print(f"{name:12}{views:6}{wall:10.0f}{cpu:14.0f}{shown:>36}", flush=True)


if __name__ == "__main__":
    main()
