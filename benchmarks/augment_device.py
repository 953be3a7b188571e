"""What augmentation on the device costs: alone, and as a share of the training step that it runs in.

`python -m benchmarks.augment_device [--model=28-2] [--batch=128] [--strong=augmix] [--rounds=5]`

Three programs, in alternating rounds so that a noisy machine hits all alike: the training step on batches that are
there already, the same step on the device path (it makes its (weak, strong) pairs from ids), and the making of pairs
alone. The share is the third over the first; the difference of the first two is shown beside it and is noisier. Runs
on whatever device JAX finds. Bar: a share of at most 10 %.
"""

import jax
import numpy as np

from benchmarks import rounds as taking
from benchmarks.parts import WEAK, Parts, make_config
from benchmarks.throughput import paced, stepping

BAR = 0.10
# name -> the strong view
STRONG = {
    "randaugment": f"randaugment(2, 10)|{WEAK}",
    "autoaugment": f"autoaugment('cifar10_code')|{WEAK}",
    "trivialaugment": f"trivialaugment|{WEAK}",
    "augmix": f"{WEAK}|augmix",
    "noise": f"patch_gaussian(25, 0.5)|blur|{WEAK}",
}


def make_programs(config):
    """Returns name -> a function that runs it so many times and waits."""
    parts = Parts(config)
    resident, alone = parts.feed.resident, jax.jit(parts.prepare)
    ids = list(parts.fed([1] * 4))
    ready = [(jax.block_until_ready(alone(*fed, resident)), fed[1]) for fed in ids]

    def pairs(count):
        jax.block_until_ready([alone(*ids[i % len(ids)], resident)["inputs"]["image"] for i in range(count)])

    return {
        "step": stepping(parts.state(), parts.step(lambda batch, numbers, resident: batch), ready, resident),
        "step_with_augmentation": stepping(parts.state(), parts.step(), ids, resident),
        "augmentation": pairs,
    }


def bench(*, model, batch, strong, precision, rounds, seconds):
    config = make_config(model, batch, "device", strong=STRONG.get(strong, strong), precision=precision)
    programs = make_programs(config)
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
