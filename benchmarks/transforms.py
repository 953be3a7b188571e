"""What the transforms of Consistent Normalization cost: views of one size, and views of several sizes in one step.

`one size`: forward and backward of t views, each through its own branch, against those of one view with a batch t times
as large. `several sizes`: those of one step over views of several sizes against the sum of a step for each of them
alone, with the same batch. Both without the optimiser, whose cost the separate steps would pay several times. Rounds
alternate, so that a noisy neighbour hits both sides; the number to read is the median of the rounds' ratios, and where
neighbours are many that of CPU seconds.

    MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000 python -m benchmarks.transforms --rounds=9

The two variables keep glibc from giving memory back: it does so with arrays beyond 32 MB, and on a CPU the pages of a
step over all sizes, fetched anew, cost a quarter of its time (--depth=14 --batch=24: 1.25 without, 0.99 with them).

Bars: one size at most 1.05, several sizes at most 1.10. Seen in CPU seconds on two busy cores: one size 0.99 at
--depth=14 --batch=24, and 1.11 of the small network; several sizes 0.97 of the small one.
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sbn.data.pixels import pack
from sbn.models.resnet import CifarResNet
from sbn.nn.branches import select_branch
from sbn.tasks.base import Objective, StageViews
from sbn.tasks.classification import Classification
from sbn.train.state import stream_key

ONE_SIZE_BAR, SIZES_BAR = 1.05, 1.10


def make_task(names: tuple[str, ...], *, depth: int, width: int, size: int) -> Classification:
    model = CifarResNet(classes=10, branches=len(names), norm="split", depth=depth, width=width)
    return Classification(model, names, False, False, (size, size), (0.5,) * 3, (0.25,) * 3)


def make_views(names: tuple[str, ...]) -> StageViews:
    return StageViews(names, (1.0,) * len(names), tuple(range(len(names))))


def compiled(task: Classification, variables: Any, batch: Any) -> Callable[[], Any]:
    """Gradients and statistics of a step, ready to run."""
    views = make_views(task.branches)

    def gradients(params: Any, batch_stats: Any, batch: Any) -> Any:
        def loss(params: Any) -> Any:
            keys = lambda stream: stream_key(0, stream, 0)  # noqa: E731
            return task.loss(
                {"params": params, "batch_stats": batch_stats}, batch, views=views, objective=Objective(), keys=keys
            )

        return jax.grad(loss, has_aux=True)(params)

    arguments = (variables["params"], variables["batch_stats"], jax.device_put(batch))
    program = jax.jit(gradients).lower(*arguments).compile()
    return lambda: program(*arguments)


def words(examples: int, size: int, seed: int) -> np.ndarray:
    return pack(np.random.default_rng(seed).integers(0, 256, (examples, size, size, 3), np.uint8))


def seconds(runs: list[Callable[[], Any]]) -> np.ndarray:
    """Of the wall, and of all of the process's threads on CPUs."""
    start = np.array([time.perf_counter(), time.process_time()])
    for run in runs:
        jax.block_until_ready(run())
    return np.array([time.perf_counter(), time.process_time()]) - start


def paired(ours: list[Callable[[], Any]], theirs: list[Callable[[], Any]], rounds: int) -> dict[str, Any]:
    """Medians over the rounds: of the ratios, and of our seconds."""
    seconds([*ours, *theirs])
    times = []
    for number in range(rounds):
        first, second = (ours, theirs) if number % 2 else (theirs, ours)
        measured = [seconds(first), seconds(second)]
        times.append(measured if number % 2 else measured[::-1])
    ratios = np.array([a / b for a, b in times])
    lower, middle, upper = np.quantile(ratios, [0.25, 0.5, 0.75], axis=0)
    return {
        "ratio": middle[0],
        "quartiles": [lower[0], upper[0]],
        "cpu_ratio": middle[1],
        "cpu_quartiles": [lower[1], upper[1]],
        "step_s": float(np.median([a[0] for a, _ in times])),
    }


def one_size(count: int, *, batch: int, rounds: int, **network: int) -> dict[str, Any]:
    names = tuple(f"view{k}" for k in range(count))
    split, plain = make_task(names, **network), make_task(("view0",), **network)
    labels = jnp.arange(batch, dtype=jnp.int32) % 10
    images = np.stack([words(batch, network["size"], k) for k in range(count)], axis=1)
    variables = split.init(jax.random.key(0))
    ours = compiled(split, variables, {"pixels": images, "label": labels})
    large = {"pixels": images.reshape(-1, 1, *images.shape[2:]), "label": jnp.repeat(labels, count)}
    theirs = compiled(plain, select_branch(variables, 0), large)
    return paired([ours], [theirs], rounds)


def several_sizes(sizes: tuple[int, ...], *, batch: int, rounds: int, **network: int) -> dict[str, Any]:
    names = tuple(f"size{size}" for size in sizes)
    split = make_task(names, **network, size=sizes[0])
    labels = jnp.arange(batch, dtype=jnp.int32) % 10
    images = tuple(words(batch, size, seed) for seed, size in enumerate(sizes))
    variables = split.init(jax.random.key(0))
    ours = compiled(split, variables, {"pixels": images, "label": labels})
    theirs = [
        compiled(
            make_task((name,), **network, size=size),
            select_branch(variables, k),
            {"pixels": images[k][:, None], "label": labels},
        )
        for k, (name, size) in enumerate(zip(names, sizes, strict=True))
    ]
    return paired([ours], theirs, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--depth", type=int, default=8, help="of the CIFAR ResNet")
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--batch", type=int, default=16, help="examples of a view")
    parser.add_argument("--views", type=int, default=3, help="of one size")
    parser.add_argument("--sizes", default="32,28,18", help="in pixels, of the others")
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    network = {"depth": args.depth, "width": args.width}
    cases = {
        "one size": (one_size(args.views, batch=args.batch, rounds=args.rounds, **network, size=32), ONE_SIZE_BAR),
        "several sizes": (
            several_sizes(tuple(map(int, args.sizes.split(","))), batch=args.batch, rounds=args.rounds, **network),
            SIZES_BAR,
        ),
    }
    for name, (numbers, bar) in cases.items():
        print(json.dumps({"case": name} | {key: np.round(value, 3).tolist() for key, value in numbers.items()}))
        print(f"bar ({name} <= {bar}): {'holds' if numbers['ratio'] <= bar else 'MISSED'}")


if __name__ == "__main__":
    main()
