"""What augmentation on the device costs: alone, and as a share of the training step that it runs in.

`python -m benchmarks.augment_device [--model=28-2] [--batch=128] [--strong=augmix] [--rounds=5]`

Three programs, in alternating rounds so that a noisy machine hits all alike: the training step on batches that are
there already, the same step on the device path (it makes its (weak, strong) pairs from ids), and the making of pairs
alone. The share is the third over the first; the difference of the first two is shown beside it and is noisier. Runs
on whatever device JAX finds. Bar: a share of at most 10 %.
"""

import time

import jax
import numpy as np

from benchmarks import rounds as taking
from sbn.config import tree
from sbn.config.checks import check
from sbn.train import mesh as meshes
from sbn.train.feed import DeviceFeed
from sbn.train.optimiser import make_optimiser, make_schedule
from sbn.train.setup import make_setup
from sbn.train.state import init_state
from sbn.train.step import make_step

BAR = 0.10
WEAK = "crop(4)|flip|cutout(16)"
# name -> the strong view
STRONG = {
    "randaugment": f"randaugment(2, 10)|{WEAK}",
    "autoaugment": f"autoaugment('cifar10_code')|{WEAK}",
    "trivialaugment": f"trivialaugment|{WEAK}",
    "augmix": f"{WEAK}|augmix",
    "noise": f"patch_gaussian(25, 0.5)|blur|{WEAK}",
}


def make_config(model, batch, strong, precision):
    depth, width = map(int, model.split("-"))
    changes = {
        "data.name": "shapes",
        "data.train_examples": max(2000, batch),
        "data.test_examples": 10,
        "data.path": "device",
        "model.depth": depth,
        "model.width": width,
        "branches": ("main", "aux"),
        "views.main.augment": WEAK,
        "views.aux.augment": STRONG.get(strong, strong),
        "batch_size": batch,
        "precision": precision,
    }
    return check(tree.to_config(tree.changed(tree.defaults(), changes)))


def make_programs(config):
    """Returns name -> a function that runs it once more and waits."""
    setup = make_setup(config)
    feed, stage, mesh = DeviceFeed(setup, config), setup.plan.stages[0], setup.mesh
    schedule = make_schedule(stage, setup.plan)
    prepare = feed.prepare(stage)
    alone = jax.jit(prepare)
    ids = [meshes.place(mesh, batch) for batch, _ in zip(feed.batches(stage, 0), range(4), strict=False)]
    ready = [jax.block_until_ready(alone(batch, feed.resident)) for batch in ids]

    def stepping(fed, prepare):
        take_step = make_step(setup.task, stage, schedule, mesh, seed=0, prepare=prepare)
        state = init_state(setup.task, make_optimiser(stage, schedule), seed=0)
        held = {"state": jax.device_put(state, meshes.replicated(mesh))}

        def run(count):
            for i in range(count):
                held["state"], metrics = take_step(held["state"], fed[i % len(fed)], feed.resident)
            jax.block_until_ready(metrics)

        return run

    def pairs(count):
        jax.block_until_ready([alone(ids[i % len(ids)], feed.resident)["pixels"] for i in range(count)])

    return {
        "step": stepping(ready, lambda batch, resident: batch),
        "step_with_augmentation": stepping(ids, prepare),
        "augmentation": pairs,
    }


def paced(run, seconds):
    """Returns a measure of `run` that takes about `seconds`, at least one call."""
    run(1)  # compiles
    start = time.perf_counter()
    run(2)
    count = max(1, int(2 * seconds / (time.perf_counter() - start)))
    whole = taking.clocked(lambda: run(count))
    return lambda: {kind: value / count for kind, value in whole().items()}


def bench(*, model, batch, strong, precision, rounds, seconds):
    programs = make_programs(make_config(model, batch, strong, precision))
    found = taking.interleaved({name: paced(run, seconds) for name, run in programs.items()}, rounds)
    times = {name: kinds["wall"] for name, kinds in found.items()}
    lines = [
        taking.line("share of the step", times["augmentation"], times["step"], bar=BAR),
        taking.line("step with / without", times["step_with_augmentation"], times["step"]),
    ]
    facts = {f"{name}: ms": 1e3 * float(np.median(values)) for name, values in times.items()}
    return lines, facts | {"images a second": 2 * batch / float(np.median(times["augmentation"]))}


if __name__ == "__main__":
    taking.main(
        __doc__,
        bench,
        model=("28-2", "10-1"),
        batch=(128, 8),
        strong=("randaugment", "noise"),  # one of STRONG, or a pipeline
        precision=("float32", "float32"),
        rounds=(5, 2),
        seconds=(1.0, 0.01),  # a program and round, roughly
    )
