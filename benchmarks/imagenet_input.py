"""How fast images of different sizes reach 224 pixels beside the input pipeline that flax's ImageNet example has.

`python -m benchmarks.imagenet_input [--images=512] [--batch=64] [--rounds=7] [--path=SPLIT.tfrecord]`

All read the same TFRecords, by default of 500 x 375 JPEGs, 110 kB each as ImageNet's are on average, and make Inception
crops and flips, one view an image and two.

bicubic: flax's way, rewritten. A buffer of records is shuffled; for every view a distorted bounding box is sampled,
that part decoded with the default DCT, resized bicubically without antialiasing, flipped, and normalised in float32.
antialiased: the same with the antialiased bilinear filter, as torchvision's recipes have it.
ours: random access by id in an order of its own, accurate DCT, decoded once for both views, antialiased bilinear
filter, packed pixels, which are normalised on the accelerator. `same crop` is two views that share their draws.
decoding: of flax's way the shuffling, sampling and decoding alone: what all that follows comes on top of.

CPU time is that of the process. `--path` reads real records instead, one file of a train split.

Bars: one view at least as fast as flax's way; two views less than 1.5 times one.
"""

import os
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

from benchmarks import rounds as taking
from benchmarks.augment_host import measure

ONE_VIEW_BAR, TWO_VIEWS_BAR = 1.0, 1.5


def bench(*, images, batch, rounds, batches, path):
    from benchmarks.imagenet_pipelines import link, ours, prepare, usual

    with tempfile.TemporaryDirectory() as data_dir:
        os.environ["XDG_CACHE_HOME"] = data_dir
        path = link(data_dir, path) if path else prepare(data_dir, images)
        iterators = {}
        for views in (1, 2):
            iterators["ours", views] = ours(data_dir, views, batch)
            iterators["bicubic", views] = usual(path, views, batch, method="bicubic")
            iterators["decoding", views] = usual(path, views, batch)
            iterators["antialiased", views] = usual(path, views, batch, antialias=True)
        iterators["ours, same crop", 2] = ours(data_dir, 2, batch, shared=True)
        for iterator in iterators.values():
            measure(iterator, 8)  # traces, and settles how many threads
        measures = {name: lambda i=iterator: measure(i, batches) for name, iterator in iterators.items()}
        times = {name: found["cpu"] for name, found in taking.interleaved(measures, rounds).items()}
    lines, facts = [], {}
    for (name, views), found in times.items():
        facts[f"{name}, {views} views: CPU ms an image"] = 1e3 * float(np.median(found)) / batch
        if "ours" not in name:
            bar = ONE_VIEW_BAR if (name, views) == ("bicubic", 1) else None
            of_ours = times["ours", views]
            lines.append(taking.line(f"{name} / ours, {views} views", found, of_ours, bar=bar, higher=True))
        if views > 1:
            one = times["ours" if "ours" in name else name, 1]
            bar = TWO_VIEWS_BAR if name == "ours" else None
            lines.append(taking.line(f"{name}, 2 views / 1", found, one, bar=bar))
    return lines, facts


if __name__ == "__main__":
    taking.main(
        __doc__,
        bench,
        needs=("tensorflow",),
        cached=False,  # nothing of JAX; and TensorFlow's settings are the rivals' users'
        images=(512, 8),
        batch=(64, 2),
        rounds=(7, 1),
        batches=(10, 1),
        path=("", ""),
    )
