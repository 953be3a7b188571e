"""A table of the tests' own, with a network that compiles in a moment."""

import flax.linen as nn

from sbn.config.rows import Row, Table

BASE = {
    "data.name": "shapes",
    "data.path": "device",
    "data.train_examples": 24,
    "data.test_examples": 8,
    "data.image_size": 8,
    "model.name": "small:Net",
    "model.depth": None,
    "model.width": None,
    "branches": ("main", "aux"),
    "views.main.augment": "flip",
    "views.aux.augment": "crop(2)|flip",
    "batch_size": 8,
    "stages": ("train", "refine"),
    "stage.train.duration": "2 steps",
    "stage.refine.duration": "2 steps",
    "stage.refine.branches": ("main",),
    "stage.refine.optim.lr": 0.01,
    "optim.lr": 0.05,
    "eval.batch_size": 8,
    "eval.every": "0 steps",
    "eval.evals": ("accuracy",),
    "eval.branches.layer": "BatchNorm_0",
    "save.every": "1 steps",
    "log.every": "1 steps",
    "log.tensorboard": False,
}

TABLES = {"table": Table("Two stages", {"row": Row({})})}


class Net(nn.Module):
    num_classes: int

    @nn.compact
    def __call__(self, x, train: bool):
        x = nn.Conv(4, (3, 3), strides=4, use_bias=False)(x)
        x = nn.relu(nn.BatchNorm(use_running_average=not train, momentum=0.9)(x))
        return nn.Dense(self.num_classes)(x.mean((1, 2)))
