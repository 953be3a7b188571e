"""What segmentation costs beside what it is made of: two data sets in one step, and counting its pixels.

`two data sets`: forward and backward of a step with two views, a BatchNorm each, against those of one view with twice
the images. `confusion`: counting a batch's pixels by class, against the forward pass that says what they are. Rounds
alternate, so that a noisy neighbour hits both sides.

    python -m benchmarks.run segmentation:batch=8

Bars: two data sets at most 1.05, confusion at most 0.05.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import rounds as taking
from sbn.config import tree
from sbn.config.checks import check
from sbn.data.examples import Feature
from sbn.data.pixels import marks, pack
from sbn.nn.branches import select_branch
from sbn.tasks import make_task
from sbn.tasks.base import StageViews, TaskData
from sbn.tasks.segmentation import Segmentation
from sbn.train.state import stream_key

TWO_BAR, CONFUSION_BAR = 1.05, 0.05


def make(names: tuple[str, ...], *, width: int, size: tuple[int, int], classes: int) -> Segmentation:
    changes = {
        "task": "segmentation",
        "model.name": "imagenet_resnet",
        "model.depth": 10,
        "model.width": width,
        "segmentation.dropout": 0.0,
        "branches": names,
        "eval.evals": ("metrics",),
        **{f"views.{name}.augment": "flip" for name in names},
    }
    kinds = {"image": Feature("image", (*size, 3)), "mask": Feature("mask", size, tuple(map(str, range(classes))))}
    config = check(tree.to_config(tree.changed(tree.defaults(), changes)))
    task: Any = make_task(config, TaskData(kinds))
    return task


def words(shape: tuple[int, ...], classes: int) -> np.ndarray:
    random = np.random.default_rng(0)
    masks = random.integers(0, classes, shape, np.uint8)
    return pack(random.integers(0, 256, (*shape, 3), np.uint8), marks(masks))


def compiled(task: Segmentation, variables: Any, images: np.ndarray) -> Callable[[], Any]:
    """Gradients and statistics of a step, ready to run."""
    names = task.branches
    views = StageViews(names, (1.0,) * len(names), tuple(range(len(names))))
    batch = jax.device_put({"inputs": {"image": images}, "targets": {}, "id": np.arange(len(images))})

    def gradients(params: Any, batch: Any) -> Any:
        def loss(params: Any) -> Any:
            keys = lambda stream: stream_key(0, stream, 0)  # noqa: E731
            found = task.loss({**variables, "params": params}, batch, views=views, numbers={}, keys=keys)
            return found.sum / found.weight, found.batch_stats

        return jax.grad(loss, has_aux=True)(params)

    program = jax.jit(gradients).lower(variables["params"], batch).compile()
    return lambda: jax.block_until_ready(program(variables["params"], batch))


def bench(
    *, width: int, batch: int, height: int, classes: int, rounds: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    size = (height, 4 * height // 3)
    network = {"width": width, "size": size, "classes": classes}
    both, one = make(("main", "aux"), **network), make(("main",), **network)
    variables = both.init(jax.random.key(0))
    images = words((batch, 2, *size), classes)
    plain = select_branch(variables, 0, layout=both.layout)
    step = compiled(both, variables, images)
    large = compiled(one, plain, images.reshape(2 * batch, 1, *size))
    forward = jax.jit(one.outputs)
    inputs = {"image": jnp.asarray(images[:, 0])}
    said = jax.block_until_ready(forward(plain, inputs))
    metric = one.metrics()["iou"]
    truth = jnp.asarray(images[:, 0] >> 24 & 255).astype(jnp.uint8) - 1
    state = metric.init()
    count = jax.jit(lambda state, said, truth: metric.update(state, said, {"mask": truth}, jnp.ones(batch, bool)))
    runs = {
        "two": step,
        "large": large,
        "forward": lambda: jax.block_until_ready(forward(plain, inputs)),
        "count": lambda: jax.block_until_ready(count(state, said, truth)),
    }
    for run in runs.values():
        run()
    times = taking.interleaved({name: taking.clocked(run) for name, run in runs.items()}, rounds)
    lines = taking.timed("two data sets", times["two"], times["large"], bar=TWO_BAR)
    return lines + taking.timed("confusion", times["count"], times["forward"], bar=CONFUSION_BAR), {}


if __name__ == "__main__":
    taking.main(__doc__, bench, width=(16, 4), batch=(8, 2), height=(120, 48), classes=(11, 4), rounds=(9, 2))
