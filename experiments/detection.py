"""Object detection at a size that two CPU cores train in minutes: blood cells (BCCD), and the built-in `shapes`.

    python -m sbn.train --config=experiments/detection.py:bccd/plain --config.data.name=voc:PATH --workdir=runs/plain/seed0

No paper has these numbers. `bccd` begins with random weights, or with those of a small classifier before and after it was
refined, as Table 6 of *Data Augmentation Revisited* does at its own size (`refine.py:table6`).
"""

from typing import Any

from ml_collections import ConfigDict

from sbn.config.rows import Row, Table, make_config

# The settings of a reference in PyTorch: 292 images, 20 epochs, 1,460 steps
BASE: dict[str, Any] = {
    "task": "detection",
    "data.name": "voc:BCCD",
    "data.train_split": "trainval",
    "data.test_split": "test",
    "model.name": "imagenet_resnet",
    "model.depth": 10,
    "model.width": 16,
    "views.main.augment": "fit(120, 160)|flip",
    "detection.channels": 32,
    "detection.hidden": 128,
    "detection.anchor_scale": 2.0,
    "detection.region_samples": 64,
    "detection.proposals_before": (500, 500),
    "detection.proposals_after": (300, 300),
    "batch_size": 4,
    "duration": "20 epochs",
    "optim.lr": 0.02,
    "optim.nesterov": False,
    "optim.weight_decay": 1e-4,
    "optim.clip_norm": 10.0,
    "schedule.kind": "step",
    "schedule.boundaries": ("15 epochs",),
    "schedule.warmup": "60 steps",
    "eval.augment": "fit(120, 160)",
    "eval.batch_size": 8,
    "eval.evals": ("metrics", "detections"),
    "eval.every": "5 epochs",
    "save.every": "5 epochs",
    "log.tensorboard": False,
}
SPLIT: dict[str, Any] = {
    "branches": ("main", "aux"),
    "views.aux.augment": "fit(120, 160)|flip|randaugment(1, 4)",
}
SHAPES: dict[str, Any] = {
    "data.name": "shapes",
    "data.train_split": "train",
    "data.image_size": 64,
    "data.train_examples": 4000,
    "data.test_examples": 500,
    "views.main.augment": "flip",
    "eval.augment": None,
    "duration": "14 epochs",
    "schedule.boundaries": ("11 epochs",),
    "eval.every": "2 epochs",
}
CLASSIFIER: dict[str, Any] = {
    **SHAPES,
    "task": "classification",
    "batch_size": 64,
    "duration": "20 epochs",
    "optim.lr": 0.1,
    "schedule.boundaries": ("10 epochs", "15 epochs"),
    "views.main.augment": "crop(8, fill=0)|flip",
    "eval.evals": ("accuracy",),
    "eval.every": "20 epochs",
    # keys that detection alone reads
    **{
        f"detection.{key}": value
        for key, value in {
            "channels": 256,
            "hidden": 1024,
            "anchor_scale": 8.0,
            "region_samples": 512,
            "proposals_before": (2000, 1000),
            "proposals_after": (2000, 1000),
        }.items()
    },
}
REFINED: dict[str, Any] = {
    "stages": ("train", "refine"),
    "stage.refine.views.main.augment": "crop(8, fill=0)|flip",
    "stage.refine.duration": "5 epochs",
    "stage.refine.optim.lr": 1e-3,
    "stage.refine.schedule.kind": "constant",
    "stage.refine.schedule.boundaries": (),
    "stage.refine.schedule.warmup": "0 steps",
}
_MAP = ("test/main/map", "test/main/map_area")
_SPLIT_MAP = (*_MAP, "test/aux/map")


def _from(classifier: str, stage: str, where: str) -> Row:
    changes = {"init.only": ("stem*", "stage*"), "init.stage": stage}
    return Row(changes, where=where, metrics=_MAP, needs={"init.from": f"classifier/{classifier}"})


TABLES = {
    "bccd": Table(
        "Blood cells at 160 x 120, mean average precision (Faster R-CNN, ResNet-10, 16 channels)",
        {
            "plain": Row({}, where="from random weights", metrics=_MAP),
            "split": Row(SPLIT, where="plus a RandAugment view through its own BatchNorm", metrics=_SPLIT_MAP),
            "from_standard": _from("standard", "train", "from a classifier"),
            "from_mixup": _from("mixup", "train", "initialised from a classifier trained with Mixup"),
            "from_refined": _from("mixup", "refine", "initialised from the same classifier, refined"),
        },
    ),
    "shapes": Table(
        "Rendered shapes at 64 x 64, mean average precision (Faster R-CNN, ResNet-10, 16 channels, from random weights)",
        {
            "plain": Row(SHAPES, where="one object per image", metrics=_MAP),
            "split": Row(
                {**SHAPES, **SPLIT, "views.aux.augment": "flip|randaugment(1, 4)"},
                where="plus a RandAugment view through its own BatchNorm",
                metrics=_SPLIT_MAP,
            ),
        },
    ),
    "classifier": Table(
        "Classifiers of rendered shapes at 64 x 64, to initialise detectors (ResNet-10, 16 channels)",
        {
            "standard": Row(CLASSIFIER, where="crops and flips", metrics=("test/main/accuracy",)),
            "mixup": Row(
                {**CLASSIFIER, **REFINED, "views.main.augment": "crop(8, fill=0)|flip|mixup(1)"},
                where="with Mixup, then refined without",
                metrics=("test/main/accuracy",),
            ),
        },
    ),
}


def get_config(arg: str = "") -> ConfigDict:
    """Returns the config of 'table/row,key=value,...'."""
    return make_config(BASE, TABLES, arg)
