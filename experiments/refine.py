"""Data Augmentation Revisited (He et al. 2019): Tables 1 to 6, Figures 1, 3 and 4, the text's experiments.

    python -m sbn.train --config=experiments/refine.py:table1/preactresnet18_cifar100_mixup --workdir=runs/mixup/seed0

A row of a table is one run of two stages: `train` with intensive augmentation, then `refine` with the standard one, at
the small learning rate that `train` ended with. No whole first stage is trained twice: a row that refines one differently
goes on from the end of that run's stage (`needs`; a sweep plans that run too), with the bits of a run that had done
both, and a row that only shows a run again, as in Tables 2 and 3 and Figures 1 and 3, trains nothing (`runs_of`).

The base is Standard on CIFAR-100 with PreActResNet-18. The paper names neither the form of momentum nor clipping, here
as in PyTorch: 0.9, not Nesterov's but for Shake-Shake, whose code has it, and no clipping. Crops pad with black, before
normalisation, as PyTorch's do. What else is open is data of the rows: `python -m sbn.list refine:TABLE/ROW` tells it.
"""

from collections.abc import Sequence
from typing import Any

from ml_collections import ConfigDict

from experiments._refine_choices import STEM, gpus, policy, rate
from experiments._refine_detection import TABLE6
from experiments._refine_figures import FIGURES
from experiments._refine_parts import (
    AUGMENTED,
    BOTH,
    CIFAR100,
    CIFAR_POLICY,
    CLEAN,
    IMAGENET_POLICY,
    MEDIAN,
    METHODS,
    NETWORKS,
    REFINED,
    STANDARD,
    WRN_AUTOAUGMENT,
    ends,
    refined,
)
from sbn.config.rows import Row, Table, make_config

PAPER = "Data Augmentation Revisited: Rethinking the Distribution Gap between Clean and Augmented Data (He et al. 2019)"
BASE: dict[str, Any] = {
    "data.name": "cifar100",
    "model.name": "preact_resnet",
    "model.depth": 18,
    "views.main.augment": STANDARD,
    "duration": "400 epochs",
    "batch_size": 128,
    "optim.lr": 0.1,
    "optim.nesterov": False,
    "optim.weight_decay": 1e-4,
    "optim.clip_norm": None,
    "schedule.kind": "step",
    "schedule.boundaries": ("150 epochs", "275 epochs"),
    "eval.every": "1 epoch",
    "eval.last_epochs": 10,
}


# (network, method): on CIFAR-10 and CIFAR-100 with augmentation, then refined
_TABLE1: dict[tuple[str, str], tuple[float | None, ...]] = {
    ("preactresnet18", "standard"): (94.63, 75.79, 94.48, 76.06),
    ("preactresnet18", "mixup"): (95.92, 78.95, 96.26, 80.85),
    ("preactresnet18", "manifold_mixup"): (95.81, 80.19, 96.07, 81.39),
    ("preactresnet18", "cutmix"): (96.21, 79.75, 96.38, 80.46),
    ("preactresnet18", "autoaugment"): (96.02, 79.33, 96.20, 80.09),
    ("wrn28_10", "standard"): (96.11, 81.15, None, None),
    ("wrn28_10", "mixup"): (97.05, 82.11, 97.52, 84.25),
    ("wrn28_10", "manifold_mixup"): (97.13, 83.02, 97.32, 84.77),
    ("wrn28_10", "cutmix"): (97.11, 82.75, 97.24, 83.40),
    ("wrn28_10", "autoaugment"): (97.59, 83.85, 97.73, 85.24),
    ("shakeshake26_2x96d", "standard"): (97.00, 82.87, None, None),
    ("shakeshake26_2x96d", "mixup"): (97.80, 84.22, 98.02, 85.19),
    ("shakeshake26_2x96d", "cutmix"): (97.77, 84.51, 97.76, 84.64),
    ("shakeshake26_2x96d", "autoaugment"): (98.02, 85.62, 98.05, 86.13),
}


def _table1_row(network: str, method: str, data: str, train: float | None, refine: float | None) -> Row:
    changes = {"data.name": data, **NETWORKS[network], "views.main.augment": METHODS[method]}
    notes, choices = [], []
    if refine is not None:
        changes |= REFINED[network] if method != "standard" else refined(50, augment="")
        notes += ["refined without any augmentation, not even crops and flips"] if method == "standard" else []
    if (network, method) == ("wrn28_10", "autoaugment"):
        changes |= WRN_AUTOAUGMENT
        choices.append(rate("1e-3", "1e-4", "5e-4", "2e-3"))
    shake = network == "shakeshake26_2x96d"
    if shake:
        choices += [gpus(2, 64), *[rate("1e-4", "5e-5", "5e-4")] * (refine is not None)]
        notes.append(
            "the text uses the median of the last ten epochs for the other two networks; it does not say for this one"
        )
    paper, note = ends((train, refine), statistic=MEDIAN), "; ".join(notes)
    chosen = (*policy(changes), *choices)
    return Row(changes, paper, f"Table 1, {network}, {method}", None if shake else 3, note, choices=chosen)


TABLE1 = Table(
    "Accuracy on CIFAR-10 and CIFAR-100 before and after refinement",
    {
        f"{network}_{data}_{method}": _table1_row(network, method, data, values[at], values[at + 2])
        for (network, method), values in _TABLE1.items()
        for at, data in enumerate(("cifar10", "cifar100"))
    },
)
# Losses of augmented and of clean images, then both refined
_TABLE2 = {
    "standard": (3.3, 1.1, None, 1.0),
    "mixup": (1356, 98, 4.7, 2.4),
    "manifold_mixup": (1253, 67, 4.2, 2.2),
    "cutmix": (785, 14, 1.9, 0.8),
    "autoaugment": (245, 0.9, 1.5, 0.8),
}


def _table2_row(method: str, values: Sequence[float | None]) -> Row:
    paper = ends(values[::2], AUGMENTED, scale=1000.0) + ends(values[1::2], CLEAN, scale=1000.0)
    return Row({}, paper, f"Table 2, {method}", 3, runs_of=CIFAR100 + method, evals=("losses",), stages=BOTH)


TABLE2 = Table(
    "Cross-entropy of augmented and clean training images, 10^-3 (PreActResNet-18, CIFAR-100)",
    {method: _table2_row(method, values) for method, values in _TABLE2.items()},
)

_LONG = {"duration": "1000 epochs", "schedule.boundaries": ("400 epochs", "800 epochs"), **refined(200)}
_SHORT_WRN = {**WRN_AUTOAUGMENT, "duration": "200 epochs"}


def _table3_row(train: float, refine: float, changes: dict[str, Any], runs_of: str = "") -> Row:
    choices = (*policy(changes), *[rate("1e-3", "1e-4", "5e-4", "2e-3")] * (changes.get("schedule.kind") == "cosine"))
    return Row(changes, ends((train, refine), statistic=MEDIAN), "Table 3", 3, runs_of=runs_of, choices=choices)


TABLE3 = Table(
    "Stages of different lengths with AutoAugment (CIFAR-100)",
    {
        "preact_400_50": _table3_row(79.33, 80.09, {}, f"{CIFAR100}autoaugment"),
        "preact_1000_200": _table3_row(78.16, 80.38, {"views.main.augment": METHODS["autoaugment"], **_LONG}),
        "wrn_200_50": _table3_row(83.73, 84.06, _SHORT_WRN),
        "wrn_400_50": _table3_row(83.85, 85.24, {}, "table1/wrn28_10_cifar100_autoaugment"),
    },
)

# What comes on top; best and last, then both refined
_TABLE4: dict[str, tuple[str, tuple[float | None, ...]]] = {
    "standard": ("", (60.84, 60.68, None, None)),
    "mixup_g0.2": ("|mixup(0.2)", (63.18, 63.08, 64.54, 64.20)),
    "mixup_g0.5": ("|mixup(0.5)", (63.95, 63.34, 65.45, 65.08)),
    "manifold_g0.2": ("|manifold_mixup(0.2)", (63.66, 63.28, 64.54, 64.33)),
    "manifold_g0.5": ("|manifold_mixup(0.5)", (64.88, 64.43, 65.98, 65.80)),
    "cutmix_p0.5": ("|cutmix(1, 0.5)", (64.90, 64.61, 65.84, 65.59)),
    "cutmix_p1": ("|cutmix(1, 1)", (65.97, 65.23, 66.29, 65.87)),
    "aa_cifar": (f"|{CIFAR_POLICY}|cutout(32)", (65.08, 64.29, 65.31, 65.12)),
    "aa_imagenet": (f"|{IMAGENET_POLICY}", (61.06, 60.65, 61.82, 61.75)),
}


def _table4_row(method: str, intensive: str, values: Sequence[float | None]) -> Row:
    changes = {"data.name": "tiny_imagenet", "data.test_split": "validation", "model.stem_stride": 1}
    changes |= {"views.main.augment": STANDARD + intensive, **(refined(50) if values[2] else {})}
    paper = ends(values[::2], statistic="best") + ends(values[1::2])
    note = "no Cutout" if method == "aa_imagenet" else ""
    return Row(changes, paper, f"Table 4, {method}", note=note, choices=(*policy(changes), STEM))


TABLE4 = Table(
    "Best and last accuracy on Tiny-ImageNet's validation images (PreActResNet-18)",
    {method: _table4_row(method, *row) for method, row in _TABLE4.items()},
)

_FRAME = "inception_crop(224)|flip"
# (depth, method): what comes on top; top-1 and top-5, then both refined
_TABLE5: dict[tuple[int, str], tuple[str, tuple[float | None, ...]]] = {
    (50, "standard"): ("", (76.39, 93.19, None, None)),
    (50, "mixup_g0.2"): ("|mixup(0.2)", (77.47, 93.75, 77.69, 93.83)),
    (50, "mixup_g0.5"): ("|mixup(0.5)", (77.26, 93.78, 77.65, 93.93)),
    (50, "autoaugment"): (f"|{IMAGENET_POLICY}", (77.83, 93.70, 77.98, 93.86)),
    (101, "standard"): ("", (78.13, 93.71, None, None)),
    (101, "mixup_g0.5"): ("|mixup(0.5)", (79.41, 94.70, 79.61, 94.73)),
    (101, "autoaugment"): (f"|{IMAGENET_POLICY}", (79.20, 94.45, 79.33, 94.46)),
}
_TABLE5_NOTES = {
    "standard": "; the paper gives no length, here as with Mixup",
    "autoaugment": "; no Cutout",
}


def _table5_row(depth: int, method: str, intensive: str, values: Sequence[float | None]) -> Row:
    epochs = (75, 150, 225, 300) if (depth, method) == (50, "autoaugment") else (60, 120, 180, 200)
    changes = {
        "data.name": "imagenet2012",
        "data.test_split": "validation",
        "model.name": "imagenet_resnet",
        "model.depth": depth,
        "views.main.augment": _FRAME + intensive,
        "batch_size": 256,
        "norm.group_size": 32,
        "duration": f"{epochs[-1]} epochs",
        "schedule.boundaries": tuple(f"{epoch} epochs" for epoch in epochs[:-1]),
        **(refined(20, 1e-4, _FRAME) if values[2] else {}),
    }
    paper = ends(values[::2]) + ends(values[1::2], "test/main/top5_accuracy")
    note = f"weight decay as on CIFAR; the paper gives none{_TABLE5_NOTES.get(method, '')}"
    return Row(changes, paper, f"Table 5, ResNet-{depth}, {method}", note=note, choices=(*policy(changes), gpus(8, 32)))


TABLE5 = Table(
    "Top-1 and top-5 accuracy on ImageNet",
    {f"resnet{depth}_{method}": _table5_row(depth, method, *row) for (depth, method), row in _TABLE5.items()},
)


TABLES = {
    "table1": TABLE1, "table2": TABLE2, "table3": TABLE3, "table4": TABLE4, "table5": TABLE5, "table6": TABLE6,
    **FIGURES,
}  # fmt: skip


def get_config(arg: str = "") -> ConfigDict:
    """Returns the config of 'table/row,key=value,...'."""
    return make_config(BASE, TABLES, arg)
