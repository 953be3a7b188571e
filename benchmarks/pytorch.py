"""A split training step beside what a user would take instead: PyTorch with timm's SplitBatchNorm2d.

The same Wide ResNet (1x1 convolutions as shortcuts), the same 2B images, the same SGD with Nesterov momentum and weight
decay, on the same machine with as many threads, in rounds that alternate between the two. That it is the same is
checked first: both begin from the same weights, and must have as many parameters and the same losses in each of the
first steps, or there is no comparison. PyTorch and timm are no requirements of this project: they may be in an
interpreter of their own.

    python -m benchmarks.pytorch --python=PATH --model=28-2 --batch=32 --rounds=9
    python -m benchmarks.pytorch --model=16-1 --batch=64 --theirs=plain,split,split_contiguous,split_compiled

Where others use the cores, PyTorch's threads wait for each other and lose far more than ours: hold the bench, and so
both sides, to one core (`taskset -c 0 python -m ...`).

No bars. On CPUs XLA's convolutions are the slower ones, whatever is normalised; what split BatchNorms cost is the
ratio of split to plain on each side.
"""

import os
import pathlib
import tempfile
from typing import Any

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # a GPU's memory is for both

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict

from benchmarks import rounds as taking
from benchmarks import worker
from benchmarks.train_step import BRANCHES, Runner
from sbn.config.errors import unknown
from sbn.models.wide_resnet import WideResNet
from sbn.nn.branched import Branched, branched

NEEDS = ("torch", "timm", "numpy")
DEVICES = {"cpu": "cpu", "gpu": "cuda"}
WORDS = ("plain", "split", "contiguous", "compiled")  # of PyTorch's variants, the first one of the first two
THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()  # as XLA
# Roundings grow by the step, the faster the larger the rate: at 0.1 losses were 3e-3 apart after three steps of
# WRN-28-2, at 0.01 4e-4 (a step without Nesterov's form, 2e-2). Of a small decay the first losses would know nothing.
RATE, DECAY = 0.01, 0.1
FIRST = 3  # steps whose losses are compared: the third one's knows the momentum
# precision -> our activations, our products of float32, the most by which losses may differ, relatively
PRECISIONS: dict[str, tuple[Any, str, float]] = {
    "float32": (jnp.float32, "highest", 2e-3),
    "tf32": (jnp.float32, "tensorfloat32", 5e-2),
    "bfloat16": (jnp.bfloat16, "default", 5e-2),
}


def make_ours(depth: int, width: int, dtype: Any) -> dict[str, Branched]:
    fields = {"depth": depth, "width": width, "classes": 10, "shortcut": "conv", "dtype": dtype}
    network = WideResNet(**fields)
    return {"plain": branched(network, branches=1), "split": branched(network, branches=BRANCHES)}


def parameters(runner: Runner) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(runner.state[0]))


def first_losses(runner: Runner) -> list[float]:
    losses = []
    for _ in range(FIRST):
        runner()
        losses.append(float(runner.loss))
    return losses


def weights(runner: Runner) -> dict[str, np.ndarray]:
    """Path -> array without a K axis, of a network of one branch."""
    flat = flatten_dict({"params": runner.state[0], "batch_stats": runner.state[1]}, sep="/")
    return {p: np.asarray(leaf[0] if leaf.ndim == 2 and not p.endswith("kernel") else leaf) for p, leaf in flat.items()}


def check_same(ours: dict[str, Any], theirs: dict[str, Any], tolerance: float) -> float:
    """Returns by how much the losses differ at most, relatively.

    Raises:
        RuntimeError: if it is too much, or the numbers of parameters differ.
    """
    apart = 0.0
    for name, losses in theirs["losses"].items():
        mine = name.partition("_")[0]
        counts = ours["parameters"][mine], theirs["parameters"][name]
        if counts[0] != counts[1]:
            raise RuntimeError(f"{name}: {counts[0]} parameters here, {counts[1]} there")
        apart = float(np.max([apart, *np.abs(np.divide(losses, ours["losses"][mine]) - 1)]))  # NaN stays
        if not apart <= tolerance:
            raise RuntimeError(f"{name}: losses {ours['losses'][mine]} here, {losses} there")
    return apart


def bench(
    *, python: str, model: str, batch: int, rounds: int, steps: int, theirs: str, precision: str
) -> tuple[list[dict], dict[str, Any]]:
    dtype, products, tolerance = taking.chosen("precision", precision, PRECISIONS)
    for name in theirs.split(","):
        for place, word in enumerate(name.split("_")):
            if word not in (choices := WORDS[2:] if place else WORDS[:2]):
                raise unknown(f"word (--theirs={theirs})", word, choices)
    found = worker.find(python, *NEEDS)
    if found is None or jax.default_backend() not in DEVICES:
        why = f"PyTorch has no {jax.default_backend()}" if found else worker.how_to(*NEEDS)
        return [], {"nothing measured": why}
    depth, width = map(int, model.split("-"))
    images = jax.random.normal(jax.random.key(1), (batch, BRANCHES, 32, 32, 3))
    labels = jnp.broadcast_to(jnp.arange(batch)[:, None] % 10, (batch, BRANCHES))
    folded = (images.reshape(-1, 1, 32, 32, 3), labels.reshape(-1, 1))
    with jax.default_matmul_precision(products):
        runners = {
            name: Runner(made, *(folded if name == "plain" else (images, labels)), rate=RATE, decay=DECAY)
            for name, made in make_ours(depth, width, dtype).items()
        }
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "start.npz"
        np.savez(file, images=images, labels=labels, **weights(runners["plain"]))
        ours = {"parameters": {name: parameters(runner) for name, runner in runners.items()}}
        ours["losses"] = {name: first_losses(runner) for name, runner in runners.items()}
        settings = {"depth": depth, "width": width, "file": str(file), "variants": theirs.split(",")}
        settings |= {
            "steps": steps,
            "first": FIRST,
            "rate": RATE,
            "decay": DECAY,
            "precision": precision,
            "device": DEVICES[jax.default_backend()],
        }
        with worker.Worker(found, "benchmarks.pytorch_steps", threads=THREADS, **settings) as rival:
            apart = check_same(ours, rival.facts, tolerance)
            measures = {f"ours {n}": taking.clocked(lambda r=r: r.run(steps)) for n, r in runners.items()}
            measures |= {f"PyTorch {name}": rival.measure(name) for name in settings["variants"]}
            times = taking.interleaved(measures, rounds)
    facts = {name: rival.facts[name] for name in ("torch", "timm", "device")}
    facts |= {"losses of the first steps differ by": apart}
    for name, kinds in times.items():
        facts[f"{name}: images a second"] = BRANCHES * batch * steps / float(np.median(kinds["wall"]))
    return read(times), facts


def read(times: dict[str, dict[str, np.ndarray]]) -> list[dict]:
    """Returns the lines: split over plain on each side, every other variant over theirs, ours over theirs."""
    pairs = [("ours split", "ours plain")]
    pairs += [(name, "PyTorch plain") for name in times if name.startswith("PyTorch ") and name != "PyTorch plain"]
    pairs += [("ours split", name) for name in times if name.startswith("PyTorch split")]
    pairs += [("ours plain", "PyTorch plain")]
    lines = []
    for kind in ("wall", "cpu"):
        for above, below in pairs:
            if below in times:
                name = f"{above} / {below}" + ", cpu" * (kind == "cpu")
                lines.append(taking.line(name, times[above][kind], times[below][kind]))
    return lines


if __name__ == "__main__":
    taking.main(
        __doc__,
        bench,
        python=("", ""),
        model=("28-2", "10-1"),
        batch=(32, 4),
        rounds=(9, 2),
        steps=(1, 1),
        theirs=("plain,split,split_contiguous", "plain,split"),  # see `pytorch_steps.Stepper`
        precision=("float32", "float32"),
    )
