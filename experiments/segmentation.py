"""Segmentation at a size that two CPU cores train in minutes: CamVid's road scenes, and the built-in `shapes`.

    python -m sbn.train --config=experiments/segmentation.py:camvid/tiny --config.data.name=camvid:PATH --workdir=runs/tiny/seed0

No paper has these numbers. `camvid` and `shapes` have the rows of Table 6 of *Consistent Normalization*, made small: one
data set through a BatchNorm of its own, two through one BatchNorm, two through one each. The other data set is the
same street at dusk, or the same shapes as sketches.
"""

from typing import Any

from ml_collections import ConfigDict

from sbn.config.rows import Row, Table, make_config

# A small ResNet from random weights, as long as a reference in PyTorch took: 40 epochs of 367 images, 1,800 steps
BASE: dict[str, Any] = {
    "task": "segmentation",
    "data.name": "camvid:CamVid",
    "model.name": "imagenet_resnet",
    "model.depth": 10,
    "model.width": 20,
    "views.main.augment": "fit(120, 160)|flip",
    "eval.augment": "fit(120, 160)",
    "eval.evals": ("metrics", "masks"),
    "batch_size": 8,
    "duration": "40 epochs",
    "optim.lr": 0.05,
    "optim.nesterov": False,
    "optim.weight_decay": 1e-4,
    "optim.clip_norm": None,
    "schedule.kind": "poly",
    "segmentation.dropout": 0.0,
    "save.every": "5 epochs",
    "eval.every": "40 epochs",
    "log.tensorboard": False,
}
# Two data sets in a step take twice as long: rows that are compared with each other are smaller, and half as long
DAY: dict[str, Any] = {
    "model.width": 16,
    "duration": "20 epochs",
    "eval.every": "20 epochs",
    "data.train_split": "train_day",
    "data.test_split": "test_day",
}
DUSK: dict[str, Any] = {
    "branches": ("main", "dusk"),
    "views.dusk.augment": "fit(120, 160)|flip",
    "views.dusk.data.train_split": "train_dusk",
    "views.dusk.data.test_split": "test_dusk",
}
MIXED: dict[str, Any] = {"norm.kind": "shared"}

SHAPES: dict[str, Any] = {
    "data.name": "shapes",
    "model.width": 16,
    "data.image_size": 64,
    "data.train_examples": 2000,
    "data.test_examples": 500,
    "views.main.augment": "flip",
    "eval.augment": None,
    "duration": "32 epochs",
    "batch_size": 16,
    "eval.every": "8 epochs",
}
SKETCH: dict[str, Any] = {
    "branches": ("main", "sketch"),
    "views.sketch.augment": "flip",
    "views.sketch.data.style": "sketch",
}
_BY_SET = {name: f"test{part}/main/miou" for name, part in {"main": "", "dusk": "_dusk", "sketch": "_sketch"}.items()}

TABLES = {
    "camvid": Table(
        "CamVid at 160 x 120, mean IoU (ResNet-10, from random weights)",
        {
            "tiny": Row({}, where="20 channels; all 367 images, all 233 test images", metrics=(_BY_SET["main"],)),
            "day_bn": Row(DAY, where="16 channels; 305 daytime images only", metrics=(_BY_SET["main"],)),
            "day_dusk_bn": Row(
                {**DAY, **DUSK, **MIXED}, where="plus 62 images at dusk, one BatchNorm", metrics=(_BY_SET["main"],)
            ),
            "day_dusk_cn": Row(
                {**DAY, **DUSK}, where="plus 62 images at dusk, one BatchNorm each", metrics=(_BY_SET["main"],)
            ),
        },
    ),
    "shapes": Table(
        "Rendered shapes at 64 x 64, mean IoU (ResNet-10, 16 channels, from random weights)",
        {
            "bn": Row(SHAPES, where="2,000 plain images only", metrics=(_BY_SET["main"],)),
            "sketch_bn": Row(
                {**SHAPES, **SKETCH, **MIXED}, where="plus 2,000 sketches, one BatchNorm", metrics=(_BY_SET["main"],)
            ),
            "sketch_cn": Row(
                {**SHAPES, **SKETCH}, where="plus 2,000 sketches, one BatchNorm each", metrics=(_BY_SET["main"],)
            ),
        },
    ),
}


def get_config(arg: str = "") -> ConfigDict:
    """Returns the config of 'table/row,key=value,...'."""
    return make_config(BASE, TABLES, arg)
