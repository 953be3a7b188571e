"""How fast the batched augmentation ops are beside a chain of per-image conditionals, Pillow, and Keras's layer.

`python -m benchmarks.augment_host [--side 32] [--layers 2 3] [--rounds 5]`

Then the other policies alone: AutoAugment, TrivialAugment and AugMix, batched, as the strong half of such pairs.

Every pipeline makes (weak, strong) pairs from the same images in memory: order, gather, augment, batch, prefetch.
Rounds are interleaved so that a noisy machine hits all alike. CPU time is that of the process, from one moment with
full prefetch buffers to the next, hence exactly that of the batches taken in between; medians over rounds.
"""

import argparse
import itertools
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf

from benchmarks import augment_chain, augment_keras, augment_pillow
from sbn.augment.host.apply import make_apply
from sbn.augment.host.packing import pack
from sbn.augment.host.words import order
from sbn.augment.pipeline import parse

WEAK = {32: "crop(4)|flip|cutout(16)", 224: "flip"}
STRONG = {32: "randaugment({0}, 10)|crop(4)|flip|cutout(16)", 224: "randaugment({0}, 10)|flip"}
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
    pair = augment_pillow.make_pair(layers, side=images.shape[1])
    rng = np.random.default_rng(0)
    while True:
        for ids in rng.permutation(len(images))[: len(images) // batch * batch].reshape(-1, batch):
            views = [pair(images[i]) for i in ids]
            yield tuple(np.stack(view) for view in zip(*views, strict=True))


def settle():
    """Waits until the prefetching threads have filled their buffers and sleep."""
    while True:
        before = time.process_time()
        time.sleep(0.05)
        if time.process_time() - before < 0.002:
            return


def measure(iterator, batches):
    settle()
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in itertools.islice(iterator, batches):
        pass
    wall = time.perf_counter() - wall
    settle()
    return time.process_time() - cpu, wall


def compare(layers, *, side, batch, rounds, seconds, images):
    pipelines = {"batched": batched, "chain": chain, "pillow": pillow, "keras": keras_layer}
    iterators = {name: make(images, layers, batch) for name, make in pipelines.items()}
    batches = {}
    for name, iterator in iterators.items():
        measure(iterator, 2)  # traces and fills caches
        cpu, _ = measure(iterator, 3)
        batches[name] = max(3, int(seconds * 3 / cpu))
    results = {name: [] for name in iterators}
    for _ in range(rounds):
        for name, iterator in iterators.items():
            results[name].append(measure(iterator, batches[name]))
    print(f"\n{side}x{side}, {layers} layers, batch {batch}: median of {rounds} rounds")
    print(f"{'':10}{'pairs/s':>10}{'pairs/cpu-s':>13}{'batched is, per cpu-s (range)':>36}")
    rate = {n: [batches[n] * batch / cpu for cpu, _ in r] for n, r in results.items()}
    for name, rounds_of in results.items():
        wall = statistics.median(batches[name] * batch / wall for _, wall in rounds_of)
        ratios = sorted(a / b for a, b in zip(rate["batched"], rate[name], strict=True))
        times = f"{statistics.median(ratios):.2f} x ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        print(f"{name:10}{wall:10.0f}{statistics.median(rate[name]):13.0f}{times:>36}", flush=True)


def measure_others(images, *, batch, rounds, seconds):
    side = images.shape[1]
    print(f"\n{side}x{side}, other policies, batch {batch}: median of {rounds} rounds")
    print(f"{'':16}{'pairs/s':>10}{'pairs/cpu-s':>13}")
    for name, text in OTHERS.items():
        iterator = batched_pairs(images, text.format(WEAK[side]), batch)
        measure(iterator, 2)
        cpu, _ = measure(iterator, 3)
        batches = max(3, int(seconds * 3 / cpu))
        found = [measure(iterator, batches) for _ in range(rounds)]
        rates = [statistics.median(batches * batch / times for times in kind) for kind in zip(*found, strict=True)]
        print(f"{name:16}{rates[1]:10.0f}{rates[0]:13.0f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=32, choices=(32, 224))
    parser.add_argument("--layers", type=int, nargs="+", default=(2, 3))
    parser.add_argument("--batch", type=int, default=None, help="default 128, and 16 at 224x224")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.8, help="CPU seconds a pipeline and round")
    flags = parser.parse_args()
    side = flags.side
    batch = flags.batch or {32: 128, 224: 16}[side]
    # smooth images with some noise: histograms are neither flat nor single-valued
    rng = np.random.default_rng(0)
    count = {32: 10_000, 224: 256}[side]
    coarse = rng.integers(20, 200, (count, 4, 4, 3)).repeat(side // 4, axis=1).repeat(side // 4, axis=2)
    images = (coarse + rng.integers(0, 40, (count, side, side, 1))).astype(np.uint8)
    for layers in flags.layers:
        compare(layers, side=side, batch=batch, rounds=flags.rounds, seconds=flags.seconds, images=images)
    measure_others(images, batch=batch, rounds=flags.rounds, seconds=flags.seconds)


if __name__ == "__main__":
    main()
