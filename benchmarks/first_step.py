"""From nothing to the end of the first step, as a run does it; prints when each part was over, as JSON.

    python -m benchmarks.first_step MODEL BATCH PATH SINCE

SINCE is when the process was asked for, in seconds since the epoch; `benchmarks.start_up` does that.
"""

import json
import sys
import time
from collections.abc import Callable


def ready(model, batch, path, over: Callable[[str], None] = lambda part: None):
    """Returns the state, first batch, resident arrays and jitted step of a split run on the built-in data.

    Args:
        model: 'DEPTH-WIDTH' of a Wide ResNet.
        batch: examples, two views each.
        path: of the data, 'host' or 'device'.
        over: told when a part of this is over.
    """
    from sbn.config import tree
    from sbn.config.checks import check
    from sbn.train import feed, mesh, optimiser, process, setup, state, step

    process.prepare()
    over("imports")
    depth, width = map(int, model.split("-"))
    changes = {
        "data.name": "shapes",
        "data.path": path,
        "data.train_examples": 10 * batch,
        "data.test_examples": batch,
        "model.depth": depth,
        "model.width": width,
        "branches": ("main", "aux"),
        "views.main.augment": "crop(4)|flip|cutout(16)",
        "views.aux.augment": "randaugment(3, 4)|crop(4)|flip|cutout(16)",
        "batch_size": batch,
        "duration": "10 steps",
    }
    config = check(tree.to_config(tree.changed(tree.defaults(), changes)))
    parts = setup.make_setup(config)
    (stage,) = parts.plan.stages
    schedule = optimiser.make_schedule(stage, parts.plan)
    fed = feed.make_feed(parts, config)
    over("data")
    start = state.init_state(parts.task, optimiser.make_optimiser(stage, schedule), seed=0)
    over("initial state")
    first = mesh.place(parts.mesh, next(iter(fed.batches(stage, 0))))
    over("first batch")
    return (
        start,
        first,
        fed.resident,
        step.make_step(parts.task, stage, schedule, parts.mesh, seed=0, prepare=fed.prepare(stage)),
    )


def main(model, batch, path, since):
    marks = {}

    def over(part):
        nonlocal since
        now = time.time()
        marks[part], since = now - since, now

    over("python")
    start, first, resident, take_step = ready(model, batch, path, over)
    _, metrics = take_step(start, first, resident)
    float(metrics["grad_norm"])
    over("first step")
    return marks


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4]))))
