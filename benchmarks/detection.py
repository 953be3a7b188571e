"""Detection's operations and its whole training step, beside torchvision's on the same numbers.

Non-maximum suppression of boxes in clusters and of boxes strewn evenly, at three thresholds; RoIAlign from four levels
of a pyramid, values and gradient; a step of a small Faster R-CNN with SGD. Both sides get the same boxes, maps, images
and objects, on as many threads; that what they keep and pool is the same is checked first. PyTorch and torchvision are
no requirements of this project: they may be in an interpreter of their own.

    python -m benchmarks.detection --python=PATH
    taskset -c 0 python -m benchmarks.detection --python=PATH --only=nms,pooling --rounds=15

Bars are for CPU time: suppression at most 1.5 times torchvision's at every threshold, RoIAlign and its gradient at
most 0.5, the step at most 1.5.
"""

import functools
import os
import pathlib
import tempfile
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks import rounds as taking
from benchmarks import worker
from sbn.config.errors import unknown
from sbn.models.faster_rcnn import FasterRCNN
from sbn.models.regions import Settings
from sbn.models.resnet import ImageNetResNet
from sbn.nn.nms import non_maximum_suppression
from sbn.nn.roi_align import levels_of, make_pyramid, roi_align

NEEDS = ("torch", "torchvision", "numpy")
PARTS = ("nms", "pooling", "step")
THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()  # as XLA
THRESHOLDS = (0.3, 0.5, 0.7)
BARS = {"nms": 1.5, "pooling": 0.5, "step": 1.5}
SIZE = (120, 160)  # of the images of the step
WIDTH, CHANNELS, HIDDEN, CLASSES = 16, 32, 128, 3
SETTINGS = Settings(
    anchor_scale=2.0,
    proposals_before=(500, 500),
    proposals_after=(300, 300),
    region_samples=64,
)


def make_numbers(
    *, boxes: int, regions: int, channels: int, side: tuple[int, int], batch: int
) -> dict[str, np.ndarray]:
    """Returns what both sides are given: boxes y0, x0, y1, x1, maps (H, W, C), images and their objects."""
    rng = np.random.default_rng(0)

    def around(centres: np.ndarray, low: float, high: float) -> np.ndarray:
        half = rng.uniform(low, high, (len(centres), 2)) / 2
        return np.concatenate([centres - half, centres + half], axis=1).astype(np.float32)

    spots = rng.uniform(0, 600, (max(boxes // 50, 1), 2))
    clustered = around(spots[rng.integers(0, len(spots), boxes)] + rng.normal(0, 8, (boxes, 2)), 40, 80)
    given = {
        "clustered": clustered,
        "uniform": around(rng.uniform(0, 600, (boxes, 2)), 20, 80),
        "scores": rng.permutation(boxes).astype(np.float32) / boxes,
        "regions": around(rng.uniform((0, 0), side, (regions, 2)), 16, 500).clip(0, max(side)),
        "cotangent": rng.normal(size=(regions, 7, 7, channels)).astype(np.float32),
        "images": rng.normal(size=(batch, *SIZE, 3)).astype(np.float32),
        "objects": around(rng.uniform(20, 100, (batch * 13, 2)), 15, 35).reshape(batch, 13, 4),
        "labels": rng.integers(0, CLASSES, (batch, 13)),
    }
    for level, stride in enumerate((4, 8, 16, 32)):
        shape = (-(-side[0] // stride), -(-side[1] // stride), channels)
        given[f"map{level}"] = rng.normal(size=shape).astype(np.float32)
    return given


def suppressions(given: dict[str, np.ndarray]) -> dict[str, Callable[[], Any]]:
    """Returns what suppresses, by case."""
    found = {}
    for kind in ("clustered", "uniform"):
        for threshold in THRESHOLDS:
            run = jax.jit(functools.partial(non_maximum_suppression, threshold=threshold))
            inputs = jnp.asarray(given[kind]), jnp.asarray(given["scores"])
            found[f"nms {kind} {threshold}"] = functools.partial(run, *inputs)
    return found


def pooling(given: dict[str, np.ndarray]) -> dict[str, Callable[[], Any]]:
    """Returns what pools regions from a pyramid, and what makes the gradient of its maps."""
    maps, regions = [jnp.asarray(given[f"map{k}"]) for k in range(4)], jnp.asarray(given["regions"])

    def pooled(maps: list[jax.Array], regions: jax.Array) -> jax.Array:
        return roi_align(make_pyramid(maps, [1 / 4, 1 / 8, 1 / 16, 1 / 32]), regions, levels_of(regions, 4))

    @jax.jit
    def gradient(maps: list[jax.Array], regions: jax.Array, cotangent: jax.Array) -> Any:
        return jax.vjp(lambda maps: pooled(maps, regions), maps)[1](cotangent)

    return {
        "pooling": functools.partial(jax.jit(pooled), maps, regions),
        "pooling gradient": functools.partial(gradient, maps, regions, jnp.asarray(given["cotangent"])),
    }


def training(given: dict[str, np.ndarray]) -> dict[str, Callable[[], Any]]:
    """Returns what takes a training step of a small detector."""
    backbone = ImageNetResNet(classes=0, depth=10, width=WIDTH)
    net = FasterRCNN(backbone, CLASSES, SETTINGS, channels=CHANNELS, hidden=HIDDEN)
    images, count = jnp.asarray(given["images"]), len(given["images"])
    frames = jnp.broadcast_to(jnp.asarray((0, 0, *SIZE), jnp.float32), (count, 4))
    truth = {"boxes": jnp.asarray(given["objects"]), "labels": jnp.asarray(given["labels"]), "ids": jnp.arange(count)}
    variables = jax.jit(functools.partial(net.init, train=False))(jax.random.key(0), images, frames)
    optimiser = optax.chain(optax.add_decayed_weights(1e-4), optax.sgd(0.001, momentum=0.9))

    def loss(params: Any, stats: Any, key: jax.Array) -> tuple[jax.Array, Any]:
        own = {"params": params, "batch_stats": stats}
        found, after = net.apply(
            own, images, frames, truth, train=True, rngs={"sampling": key}, mutable=["batch_stats"]
        )
        return sum(part.mean() for part in found.values()), after["batch_stats"]

    @jax.jit
    def step(state: tuple[Any, ...]) -> tuple[Any, ...]:
        params, stats, momenta, number = state
        grads, stats = jax.grad(loss, has_aux=True)(params, stats, jax.random.key(number))
        updates, momenta = optimiser.update(grads, momenta, params)
        return optax.apply_updates(params, updates), stats, momenta, number + 1

    held = [(variables["params"], variables["batch_stats"], optimiser.init(variables["params"]), jnp.int32(0))]

    def take() -> Any:
        held[0] = step(held[0])
        return held[0]

    return {"step": take}


def check_same(ours: dict[str, Callable[[], Any]], file: pathlib.Path) -> None:
    """Raises a RuntimeError if what torchvision kept or pooled, in `file`, is not what ours does."""
    with np.load(file) as theirs:
        for name in theirs.files:
            mine = ours[name]()
            if name.startswith("nms"):
                same = np.array_equal(np.flatnonzero(mine), np.sort(theirs[name]))
            else:  # sums of 16 products of numbers of about 1; the gradient of a cell is one of thousands
                mine = mine if name == "pooling" else mine[0][0]
                same = np.allclose(np.asarray(mine).ravel(), theirs[name].ravel(), atol=2e-3)
            if not same:
                raise RuntimeError(f"{name}: not what torchvision gives")


def bench(
    *, python: str, only: str, boxes: int, regions: int, channels: int, side: str, batch: int, rounds: int
) -> tuple[list[dict], dict[str, Any]]:
    for part in (parts := only.split(",")):
        if part not in PARTS:
            raise unknown(f"part (--only={only})", part, PARTS)
    found = worker.find(python, *NEEDS)
    if found is None or jax.default_backend() != "cpu":
        return [], {taking.NOTHING: worker.how_to(*NEEDS) if found is None else "compares CPUs"}
    height, width = map(int, side.split("x"))
    given = make_numbers(boxes=boxes, regions=regions, channels=channels, side=(height, width), batch=batch)
    makers = {"nms": suppressions, "pooling": pooling, "step": training}
    ours = {name: run for part in parts for name, run in makers[part](given).items()}
    with tempfile.TemporaryDirectory() as folder:
        file, results = pathlib.Path(folder) / "given.npz", pathlib.Path(folder) / "results.npz"
        np.savez(file, **given)
        settings = {"parts": parts, "file": str(file), "results": str(results), "threads": THREADS}
        settings |= {"thresholds": THRESHOLDS, "width": WIDTH, "channels": CHANNELS, "hidden": HIDDEN}
        settings |= {"classes": CLASSES, "regions": SETTINGS.region_samples}
        with worker.Worker(found, "benchmarks.torchvision_detection", **settings) as rival:
            check_same(ours, results)
            measures = {}
            for name, run in ours.items():
                jax.block_until_ready(run())  # compiles
                measures[f"ours {name}"] = taking.clocked(lambda run=run: jax.block_until_ready(run()))
                measures[f"theirs {name}"] = rival.measure(name)
            times = taking.interleaved(measures, rounds)
    lines = []
    for name in ours:
        above, below = times[f"ours {name}"], times[f"theirs {name}"]
        bar = BARS[name.split()[0]]
        lines.append(taking.line(f"{name}: ours / torchvision, cpu", above["cpu"], below["cpu"], bar=bar))
        lines.append(taking.line(f"{name}: ours / torchvision, wall", above["wall"], below["wall"]))
    facts = {key: rival.facts[key] for key in ("torch", "torchvision", "threads")}
    for name, kinds in times.items():
        facts[f"{name}: CPU milliseconds"] = 1000 * float(np.median(kinds["cpu"]))
    return lines, facts


if __name__ == "__main__":
    taking.main(
        __doc__,
        bench,
        python=("", ""),
        only=(",".join(PARTS), ",".join(PARTS)),
        boxes=(2000, 60),
        regions=(512, 6),
        channels=(256, 4),
        side=("608x1024", "128x128"),
        batch=(4, 1),
        rounds=(11, 2),
    )
