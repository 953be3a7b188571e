"""How fast the batched augmentation ops are beside a chain of per-image conditionals, Pillow, and Keras's layer.

`python -m benchmarks.augment_host [--side=32] [--layers=2,3] [--rounds=5] [--python=PATH]`

With `--python`, an interpreter that has timm and may have torchvision, also beside their RandAugment of Pillow images.

Then the other policies alone: AutoAugment, TrivialAugment and AugMix, batched, as the strong half of such pairs.

Every pipeline makes (weak, strong) pairs from the same images in memory: order, gather, augment, batch, prefetch.
CPU time is that of the process, from one moment with
full prefetch buffers to the next, hence exactly that of the batches taken in between.
"""

import contextlib
import itertools
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf

from benchmarks import augment_chain, augment_keras, augment_pillow, worker
from benchmarks import rounds as taking
from benchmarks.photographs import pictures
from sbn.augment.host.apply import make_apply
from sbn.augment.host.packing import pack
from sbn.augment.host.words import order
from sbn.augment.pipeline import parse

NEEDS = ("timm", "PIL", "numpy")
WEAK = {32: "crop(4)|flip|cutout(16)", 224: "flip"}
STRONG = {32: "randaugment({0}, 10)|crop(4)|flip|cutout(16)", 224: "randaugment({0}, 10)|flip"}
# least times as fast, per CPU second, by two layers
BARS = {32: {"chain": 5, "pillow": 2, "keras": 8}, 224: {"chain": 1}}
# name -> the strong half, before what WEAK does
OTHERS = {
    "autoaugment": "autoaugment('cifar10_code')|{}",
    "trivialaugment": "trivialaugment|{}",
    "augmix": "{}|augmix",
}


def batched(images, layers, batch):
    return batched_pairs(images, STRONG[images.shape[1]].format(layers), batch)


def batched_pairs(images, strong_text, batch):
    side, count = images.shape[1], len(images)
    weak = make_apply(parse(WEAK[side]), image_size=(side, side))
    strong = make_apply(parse(strong_text), image_size=(side, side))
    words = pack(images)

    def pair(epoch, ids):
        pixels, address = tf.gather(words, ids), {"seed": 1, "stage": 0, "epoch": epoch, "ids": ids}
        return weak(pixels, view=0, **address), strong(pixels, view=1, **address)

    def epoch_ids(epoch):
        ids = tf.data.Dataset.from_tensor_slices(order(1, stage=0, epoch=epoch, count=count))
        return ids.batch(batch, drop_remainder=True).map(lambda ids: (epoch, ids))

    return _prefetched(tf.data.Dataset.range(10**9).flat_map(epoch_ids).map(pair, num_parallel_calls=2))


def chain(images, layers, batch):
    data = tf.constant(images)
    pair = augment_chain.make_pair(layers, side=images.shape[1])
    ids = tf.data.Dataset.range(len(images)).shuffle(len(images)).repeat()
    pairs = ids.map(lambda i: pair(data[i]), num_parallel_calls=2)
    return _prefetched(pairs.batch(batch, drop_remainder=True))


def keras_layer(images, layers, batch):
    data = tf.constant(images)
    pair = augment_keras.make_pair(layers)
    ids = tf.data.Dataset.range(len(images)).shuffle(len(images)).repeat().batch(batch, drop_remainder=True)
    return _prefetched(ids.map(lambda i: pair(tf.gather(data, i)), num_parallel_calls=2))


def _prefetched(dataset):
    # the default intra-op pool for both; no autotuning, whose own threads would be counted
    options = tf.data.Options()
    options.autotune.enabled = False
    return iter(dataset.prefetch(2).with_options(options))


def pillow(images, layers, batch):
    return augment_pillow.batches(images, augment_pillow.randaugment(layers), batch)


def settle():
    """Waits until the prefetching threads have filled their buffers and sleep."""
    while True:
        before = time.process_time()
        time.sleep(0.05)
        if time.process_time() - before < 0.002:
            return


def measure(iterator, batches):
    """Returns seconds a batch."""
    settle()
    found = taking.clocked(lambda: [None for _ in itertools.islice(iterator, batches)])
    cpu = time.process_time()
    wall = found()["wall"]
    settle()
    return {"cpu": (time.process_time() - cpu) / batches, "wall": wall / batches}


def timed(iterators, others=None, *, rounds, seconds):
    measures = dict(others or {})
    for name, iterator in iterators.items():
        measure(iterator, 2)  # traces and fills caches
        batches = max(3, int(seconds / measure(iterator, 3)["cpu"]))
        measures[name] = lambda iterator=iterator, batches=batches: measure(iterator, batches)
    return taking.interleaved(measures, rounds)


@contextlib.contextmanager
def rivals(python, **settings):
    """What `augment_rivals` finds in another interpreter: versions, and (name, layers) -> measure."""
    found = worker.find(python, *NEEDS)
    if found is None:
        yield {"timm and torchvision": worker.how_to(*NEEDS)}, {}
        return
    with worker.Worker(found, "benchmarks.augment_rivals", **settings) as other:
        pairs = itertools.product(other.facts, settings["layers"])
        yield other.facts, {(name, count): other.measure(f"{name} {count}") for name, count in pairs}


def bench(*, python, side, layers, batch, images, rounds, seconds):
    data, counts = pictures(images, side), [int(count) for count in layers.split(",")]
    pipelines = {"batched": batched, "chain": chain, "pillow": pillow, "keras": keras_layer}
    settings = {"images": images, "side": side, "layers": counts, "batch": batch, "seconds": seconds}
    lines, pace = [], {"rounds": rounds, "seconds": seconds}
    with rivals(python, **settings) as (facts, elsewhere):
        for count in counts:
            there = {name: measure for (name, theirs), measure in elsewhere.items() if theirs == count}
            times = timed({name: make(data, count, batch) for name, make in pipelines.items()}, there, **pace)
            for name, found in times.items():
                facts[f"{count} layers, {name}: pairs a CPU second"] = batch / float(np.median(found["cpu"]))
                facts[f"{count} layers, {name}: pairs a second"] = batch / float(np.median(found["wall"]))
                if name != "batched":
                    bar, title = BARS[side].get(name) if count == 2 else None, f"{side}px {count} layers, {name} / ours"
                    lines.append(taking.line(title, found["cpu"], times["batched"]["cpu"], bar=bar, higher=True))
    others = {name: batched_pairs(data, text.format(WEAK[side]), batch) for name, text in OTHERS.items()}
    for name, found in timed(others, **pace).items():
        facts[f"{name}: pairs a CPU second"] = batch / float(np.median(found["cpu"]))
    return lines, facts


if __name__ == "__main__":
    # at 224 pixels: --side=224 --batch=16 --images=256
    taking.main(
        __doc__,
        bench,
        python=("", ""),
        side=(32, 32),
        layers=("2,3", "1"),
        batch=(128, 4),
        images=(10_000, 16),
        rounds=(5, 1),
        seconds=(0.8, 0.001),  # CPU seconds a pipeline and round
    )
