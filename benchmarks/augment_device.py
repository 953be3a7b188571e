"""What augmentation on the device costs: alone, and as a share of the training step that it runs in.

`python -m benchmarks.augment_device [--model=28-2] [--batch=128] [--strong=augmix] [--rounds=5]`

Three programs, in alternating rounds so that a noisy machine hits all alike: the training step on batches that are
there already, the same step on the device path (it makes its (weak, strong) pairs from ids), and the making of pairs
alone. The share is the third over the first; the difference of the first two is shown beside it and is noisier. Runs
on whatever device JAX finds. Bar: a share of at most 10 %.
"""

import argparse
import json
import statistics
import time

import jax
import numpy as np

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


def make_config(flags):
    depth, width = map(int, flags.model.split("-"))
    changes = {
        "data.name": "shapes",
        "data.train_examples": max(2000, flags.batch),
        "data.test_examples": 10,
        "data.path": "device",
        "model.depth": depth,
        "model.width": width,
        "branches": ("main", "aux"),
        "views.main.augment": WEAK,
        "views.aux.augment": STRONG.get(flags.strong, flags.strong),
        "batch_size": flags.batch,
        "precision": flags.precision,
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


def measure(programs, *, rounds, seconds):
    """Returns name -> seconds a call, by round; every round lasts about as long as asked, at least one call."""
    counts, times = {}, {name: [] for name in programs}
    for name, run in programs.items():
        run(1)  # compiles
        start = time.perf_counter()
        run(2)
        counts[name] = max(1, int(seconds / ((time.perf_counter() - start) / 2)))
    for _ in range(rounds):
        for name, run in programs.items():
            start = time.perf_counter()
            run(counts[name])
            times[name].append((time.perf_counter() - start) / counts[name])
    return {name: np.array(values) for name, values in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="28-2", help="depth-width of the Wide ResNet")
    parser.add_argument("--batch", type=int, default=128, help="pairs a step")
    parser.add_argument("--strong", default="randaugment", help=f"one of {', '.join(STRONG)}; or a pipeline")
    parser.add_argument("--precision", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="a program and round, roughly")
    flags = parser.parse_args()
    times = measure(make_programs(make_config(flags)), rounds=flags.rounds, seconds=flags.seconds)
    what = f"WRN-{flags.model}, {flags.strong}, {flags.batch} pairs"
    print(f"{jax.devices()[0].device_kind}, {what}, medians of {flags.rounds} rounds")
    for name, values in times.items():
        print(
            json.dumps(
                {
                    "program": name,
                    "ms": round(1e3 * statistics.median(values), 3),
                    "least_ms": round(1e3 * min(values), 3),
                }
            )
        )
    shares = times["augmentation"] / times["step"]
    added = statistics.median(times["step_with_augmentation"] / times["step"]) - 1
    views = 2 * flags.batch / statistics.median(times["augmentation"])
    print(
        json.dumps(
            {"images_per_s": round(views), "share": round(statistics.median(shares), 4), "added": round(added, 4)}
        )
    )
    print(f"share {min(shares):.2%} to {max(shares):.2%}; bar {BAR:.0%}: {'held' if max(shares) <= BAR else 'MISSED'}")


if __name__ == "__main__":
    main()
