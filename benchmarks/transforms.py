"""What the transforms of Consistent Normalization cost: views of one size, and views of several sizes in one step.

`one size`: forward and backward of t views, each through its own branch, against those of one view with a batch t times
as large. `several sizes`: those of one step over views of several sizes against the sum of a step for each of them
alone, with the same batch. Both without the optimiser, whose cost the separate steps would pay several times. Rounds
alternate, so that a noisy neighbour hits both sides; the number to read is the median of the rounds' ratios, and where
neighbours are many that of CPU seconds.

    python -m benchmarks.run transforms:depth=20

With glibc's small pages several sizes seem slower, as the pages of so large a step are fetched anew every time: 1.25 of
--depth=14 --batch=24. `benchmarks.run` asks for large ones, by GLIBC_TUNABLES=glibc.malloc.hugetlb=1.

Bars: one size at most 1.05, several sizes at most 1.10.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import rounds as taking
from benchmarks.parts import batch_of
from sbn.data.pixels import pack
from sbn.models.resnet import CifarResNet
from sbn.nn.branched import branched
from sbn.nn.branches import select_branch
from sbn.tasks.base import StageViews
from sbn.tasks.classification import Classification
from sbn.train.state import stream_key

ONE_SIZE_BAR, SIZES_BAR = 1.05, 1.10


def make_task(names: tuple[str, ...], *, depth: int, width: int, size: int) -> Classification:
    model = branched(CifarResNet(classes=10, depth=depth, width=width), branches=len(names))
    return Classification(
        model=model,
        branches=names,
        image_size=(size, size),
        mean=(0.5,) * 3,
        std=(0.25,) * 3,
        shared=False,
        apart=True,
        classes=10,
    )


def make_views(names: tuple[str, ...]) -> StageViews:
    return StageViews(names, (1.0,) * len(names), tuple(range(len(names))))


def compiled(task: Classification, variables: Any, batch: Any) -> Callable[[], Any]:
    """Gradients and statistics of a step, ready to run."""
    views = make_views(task.branches)

    def gradients(params: Any, batch_stats: Any, batch: Any) -> Any:
        def loss(params: Any) -> Any:
            keys = lambda stream: stream_key(0, stream, 0)  # noqa: E731
            variables = {"params": params, "batch_stats": batch_stats}
            found = task.loss(variables, batch, views=views, numbers={}, keys=keys)
            return found.sum / found.weight, found.batch_stats

        return jax.grad(loss, has_aux=True)(params)

    arguments = (variables["params"], variables["batch_stats"], jax.device_put(batch))
    program = jax.jit(gradients).lower(*arguments).compile()
    return lambda: program(*arguments)


def words(examples: int, size: int, seed: int) -> np.ndarray:
    return pack(np.random.default_rng(seed).integers(0, 256, (examples, size, size, 3), np.uint8))


def paired(name: str, ours: list[Callable], theirs: list[Callable], rounds: int, bar: float) -> list[dict]:
    runs = {
        name: lambda side=side: [jax.block_until_ready(run()) for run in side]
        for name, side in (("ours", ours), ("theirs", theirs))
    }
    for run in runs.values():
        run()
    times = taking.interleaved({side: taking.clocked(run) for side, run in runs.items()}, rounds)
    return taking.timed(name, times["ours"], times["theirs"], bar=bar)


def one_size(count: int, *, batch: int, rounds: int, **network: int) -> list[dict]:
    names = tuple(f"view{k}" for k in range(count))
    split, plain = make_task(names, **network), make_task(("view0",), **network)
    labels = jnp.arange(batch, dtype=jnp.int32) % 10
    images = np.stack([words(batch, network["size"], k) for k in range(count)], axis=1)
    variables = split.init(jax.random.key(0))
    ours = compiled(split, variables, batch_of(images, labels))
    large = batch_of(images.reshape(-1, 1, *images.shape[2:]), jnp.repeat(labels, count))
    theirs = compiled(plain, select_branch(variables, 0), large)
    return paired("one size", [ours], [theirs], rounds, ONE_SIZE_BAR)


def several_sizes(sizes: tuple[int, ...], *, batch: int, rounds: int, **network: int) -> list[dict]:
    names = tuple(f"size{size}" for size in sizes)
    split = make_task(names, **network, size=sizes[0])
    labels = jnp.arange(batch, dtype=jnp.int32) % 10
    images = tuple(words(batch, size, seed) for seed, size in enumerate(sizes))
    variables = split.init(jax.random.key(0))
    ours = compiled(split, variables, batch_of(images, labels))
    theirs = [
        compiled(
            make_task((name,), **network, size=size),
            select_branch(variables, k),
            batch_of(images[k][:, None], labels),
        )
        for k, (name, size) in enumerate(zip(names, sizes, strict=True))
    ]
    return paired("several sizes", [ours], theirs, rounds, SIZES_BAR)


def bench(
    *, depth: int, width: int, batch: int, views: int, sizes: str, rounds: int
) -> tuple[list[dict], dict[str, Any]]:
    network = {"depth": depth, "width": width, "batch": batch, "rounds": rounds}
    return one_size(views, size=32, **network) + several_sizes(tuple(map(int, sizes.split(","))), **network), {}


if __name__ == "__main__":
    taking.main(
        __doc__,
        bench,
        depth=(14, 8),
        width=(16, 4),
        batch=(32, 4),
        views=(3, 2),
        sizes=("32,28,18", "16,12"),
        rounds=(9, 2),
    )
