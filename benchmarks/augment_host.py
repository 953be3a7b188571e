"""How fast the batched augmentation ops are beside a chain of per-image conditionals, Pillow, and Keras's layer.

`python -m benchmarks.augment_host [--side=32,224] [--batch=128,16] [--layers=2,3] [--rounds=5] [--python=PATH]`

With `--python`, an interpreter that has timm and may have torchvision, also beside their RandAugment of Pillow images.

Then the other policies alone: AutoAugment, TrivialAugment and AugMix, batched, as the strong half of such pairs.

Every pipeline makes (weak, strong) pairs from the same images in memory: order, gather, augment, batch, prefetch.
CPU time is that of the process, from one moment with full prefetch buffers to the next, hence exactly that of the
batches taken in between.
"""

import contextlib
import itertools
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

from benchmarks import augment_pillow, worker
from benchmarks import rounds as taking
from benchmarks.photographs import pictures
from sbn.config.errors import ConfigError

NEEDS = ("timm", "PIL", "numpy")
# side -> name -> least times as fast, per CPU second, by two layers
BARS = {32: {"chain": 5, "pillow": 2, "timm": 2, "keras": 8}, 224: {"chain": 1, "pillow": 0.95}}
# name -> the strong half, before what the weak one does
OTHERS = {
    "autoaugment": "autoaugment('cifar10_code')|{}",
    "trivialaugment": "trivialaugment|{}",
    "augmix": "{}|augmix",
}


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


def of_side(side, *, python, layers, batch, images, rounds, seconds):
    """Returns the lines and facts of images of one side."""
    from benchmarks import augment_pipelines as pipelines

    data = pictures(images, side)
    made = {"batched": pipelines.batched, "chain": pipelines.chain, "pillow": pillow, "keras": pipelines.keras_layer}
    settings = {"images": images, "side": side, "layers": layers, "batch": batch, "seconds": seconds}
    lines, facts, pace = [], {}, {"rounds": rounds, "seconds": seconds}
    with rivals(python, **settings) as (versions, elsewhere):
        for count in layers:
            there = {name: measure for (name, theirs), measure in elsewhere.items() if theirs == count}
            times = timed({name: make(data, count, batch) for name, make in made.items()}, there, **pace)
            what = f"{side}px {count} layers"
            for name, found in times.items():
                facts[f"{what}, {name}: pairs a CPU second"] = batch / float(np.median(found["cpu"]))
                facts[f"{what}, {name}: pairs a second"] = batch / float(np.median(found["wall"]))
                if name != "batched":
                    bar = BARS[side].get(name) if count == 2 else None
                    ours = times["batched"]["cpu"]
                    lines.append(taking.line(f"{what}, {name} / ours", found["cpu"], ours, bar=bar, higher=True))
    weak = pipelines.WEAK[side]
    others = {name: pipelines.batched_pairs(data, text.format(weak), batch) for name, text in OTHERS.items()}
    for name, found in timed(others, **pace).items():
        facts[f"{side}px, {name}: pairs a CPU second"] = batch / float(np.median(found["cpu"]))
    return lines, versions | facts


def numbers(text):
    return [int(number) for number in text.split(",")]


def bench(*, side, batch, images, layers, **settings):
    sides, batches, counts = numbers(side), numbers(batch), numbers(images)
    if not len(sides) == len(batches) == len(counts):
        raise ConfigError(f"--side={side} --batch={batch} --images={images}: write as many numbers of each")
    for one in sides:
        taking.chosen("side", one, BARS)
    lines, facts = [], {}
    for one, of_batch, count in zip(sides, batches, counts, strict=True):
        found, more = of_side(one, batch=of_batch, images=count, layers=numbers(layers), **settings)
        lines, facts = lines + found, facts | more
    return lines, facts


if __name__ == "__main__":
    taking.main(
        __doc__,
        bench,
        needs=("tensorflow", "keras"),
        cached=False,  # nothing of JAX; and TensorFlow's settings are the rivals' users'
        python=("", ""),
        side=("32,224", "32,224"),
        batch=("128,16", "4,2"),
        images=("10000,256", "16,4"),
        layers=("2,3", "1"),
        rounds=(5, 1),
        seconds=(0.8, 0.001),  # CPU seconds a pipeline and round
    )
