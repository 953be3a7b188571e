"""What evaluation costs beside the bare forward passes, and what both branches and a grid of mixes cost.

Ratios are by the clock and by CPU time (on a CPU, host and device share the cores).

    python -m benchmarks.evaluation --model=16-1 --images=2000 --rounds=7

- bare: a jitted forward pass of both branches over packed batches, nothing else; main: of the main branch alone.
- evaluator: accuracy of both branches from images in memory; grid: of 11 mixes as well.

Bars: evaluator at most 1.10 of bare, both branches at most 2.1 of one, the grid at most 2 % more than the evaluator.
"""

from collections.abc import Callable

import jax
import numpy as np

from benchmarks import rounds as taking
from sbn.data.pixels import pack
from sbn.evals.predictions import Predict
from sbn.evals.scores import Labelled, Scorer
from sbn.models.wide_resnet import WideResNet
from sbn.nn import branches
from sbn.nn.branched import branched
from sbn.tasks.classification import Classification
from sbn.train.mesh import make_mesh

GRID = tuple(k / 10 for k in range(11))
BARS = {"evaluator/bare": 1.10, "bare/main": 2.1, "grid/evaluator": 1.02}


def make_task(depth: int, width: int, names: tuple[str, ...]) -> Classification:
    model = branched(WideResNet(depth=depth, width=width, classes=10), branches=len(names))
    return Classification(
        model=model,
        branches=names,
        image_size=(32, 32),
        mean=(0.5,) * 3,
        std=(0.25,) * 3,
        shared=False,
        apart=True,
        classes=10,
    )


def make_variants(depth: int, width: int, images: np.ndarray, labels: np.ndarray, batch: int) -> dict[str, Callable]:
    both, main = make_task(depth, width, ("main", "aux")), make_task(depth, width, ("main",))
    variables = both.init(jax.random.key(0))
    # other statistics in the second branch, or XLA would compute one branch for both
    noise = np.random.default_rng(0)
    variables["batch_stats"] = jax.tree.map(
        lambda x: x + noise.uniform(0, 0.1, x.shape).astype("f4"), variables["batch_stats"]
    )
    alone = branches.select_branch(variables, 0)
    packed = [pack(images[start : start + batch]) for start in range(0, len(images), batch)]

    def bare(task, variables):
        forward = jax.jit(task.outputs)
        return lambda: jax.block_until_ready([forward(variables, {"image": words}) for words in packed])

    def evaluator(mix):
        predict = Predict(both, make_mesh(batch_size=batch), batch_size=batch)
        measure = Scorer(predict, branches=both.branches, mix=mix, average="probabilities")
        return lambda: measure(variables, {"test": Labelled(labels, lambda: images)}, what="benchmark")

    return {
        "bare": bare(both, variables),
        "main": bare(main, alone),
        "evaluator": evaluator(()),
        "grid": evaluator(GRID),
    }


def bench(*, model: str, images: int, batch: int, rounds: int) -> tuple[list[dict], dict]:
    depth, width = map(int, model.split("-"))
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (images, 32, 32, 3), np.uint8)
    labels = rng.integers(0, 10, images).astype(np.int32)
    variants = make_variants(depth, width, pixels, labels, batch)
    for run in variants.values():
        run()  # compiles
    times = taking.interleaved({name: taking.clocked(run) for name, run in variants.items()}, rounds)
    lines = []
    for ratio, bar in BARS.items():
        above, below = (times[name] for name in ratio.split("/"))
        lines += [taking.line(f"{ratio}, {kind}", above[kind], below[kind], bar=bar) for kind in ("wall", "cpu")]
    return lines, {"images a second": images / float(np.median(times["bare"]["wall"]))}


if __name__ == "__main__":
    taking.main(__doc__, bench, model=("16-1", "10-1"), images=(2000, 40), batch=(250, 20), rounds=(7, 2))
