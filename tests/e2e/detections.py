"""A detector so small that a run takes seconds, and detections that are no network's, to count by.

`python -m tests.e2e.detections CONFIG.json WORKDIR` trains, and prints what `counted` gives, on the devices it finds.
"""

import json
import pathlib
import sys
from unittest import mock

import jax.numpy as jnp

from sbn.config import tree
from sbn.evals.base import run
from sbn.evals.make import make_evaluators
from sbn.tasks.detection import Detection
from sbn.train import train
from sbn.train.setup import make_setup

SMALL = {
    "task": "detection",
    "model.name": "imagenet_resnet",
    "model.depth": 10,
    "model.width": 2,
    "data.image_size": 32,
    "eval.evals": ("metrics",),
    "views.main.augment": "flip",
    "views.aux.augment": "flip|randaugment(1, 4)",
    "detection.channels": 4,
    "detection.hidden": 4,
    "detection.anchor_scale": 1.0,
    "detection.anchor_samples": 16,
    "detection.proposals_before": (20, 20),
    "detection.proposals_after": (20, 20),
    "detection.region_samples": 8,
    "detection.detections": 4,
    "schedule.kind": "constant",  # one rate, however long the run
    "duration": "4 steps",
    "eval.every": "4 steps",
    "save.every": "2 steps",
    "log.every": "1 steps",
}


def middle(task, variables, inputs):
    """In the middle of every image an object of a class and a score that its pixels say; of aux's, half as certain."""
    pixels = (inputs["image"] & 255).astype(jnp.float32).mean(axis=(1, 2))
    side = inputs["image"].shape[1]
    box = jnp.broadcast_to(jnp.asarray([0.2, 0.2, 0.8, 0.8]) * side, (len(pixels), 4))
    kind = jnp.floor(pixels) % 10
    main = jnp.concatenate([box, pixels[:, None] / 256, kind[:, None]], axis=1)[:, None]
    both = [main, main.at[..., 4].divide(2).at[..., 5].set(0)]
    return jnp.stack(both[: len(task.branches)], axis=1)


def counted(config):
    """The metrics of a run's evaluation if its network gave the detections of `middle`."""
    with mock.patch.object(Detection, "outputs", middle):
        setup = make_setup(config)
        (evaluator,) = make_evaluators(setup.materials(config, workdir=None)).values()
        return dict(run(evaluator, {"params": {}, "batch_stats": {}}, step=0)[0])


if __name__ == "__main__":
    given = tree.checked(json.loads(pathlib.Path(sys.argv[1]).read_text()))
    train(given, sys.argv[2])
    print(json.dumps(counted(given)))
