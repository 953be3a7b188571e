"""Consistent Normalization (Zhou et al. 2019): Tables 1 to 7, Figures 1, 3.

    python -m sbn.train --config=experiments/consistent.py:table1/resnet32_transformed_cn --workdir=runs/cn/seed0

A step sees t transforms of every image, crops and flips drawn once for all of them. CN gives each its own statistics,
scales and biases, and is tested with those of the images as they are, the view `main`. BN rows pass the transforms
through one BatchNorm, as one batch; images of several sizes can only pass one after the other. The losses are added
up, not averaged. What the paper leaves open is data of the rows: `python -m sbn.list consistent:TABLE/ROW` tells it.

The base is Table 1's BN on CIFAR-10, with what the paper does not say: momentum without Nesterov, weight decay 1e-4,
crops with 4 pixels of padding and flips, shortcuts without parameters. ImageNet is trained as the code of Switchable
Normalization does, by some of the same authors. The paper says nowhere how many runs it averages.

Figure 2 is `python -m sbn.augment sheet 'resize_and_pad(16)' --data=cifar10`. Figures 1 and 3, and accuracy over
multiply-adds as the size grows (Table 5), are `python -m sbn.report figures consistent:figure1 --root=runs`.
"""

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from experiments import _consistent_translation as translation
from experiments._consistent_choices import of_cifar, of_imagenet
from experiments._consistent_parts import (
    AUGMENTED_SET,
    BN,
    BN_OF_SIZES,
    CN,
    FIXUP,
    MAIN,
    STANDARD,
    shrunk,
    small,
    transforms,
)
from experiments._consistent_segmentation import TABLE6
from sbn.config.rows import Paper, Row, Table, make_config

PAPER = "Towards Improving Generalization of Deep Networks via Consistent Normalization (Zhou et al. 2019)"
TOP5 = "test/main/top5_accuracy"

BASE: dict[str, Any] = {
    "data.name": "cifar10",
    "model.name": "cifar_resnet",
    "model.depth": 32,
    "norm.group_size": 16,
    "views.main.augment": STANDARD,
    "duration": "250 epochs",
    "batch_size": 128,
    "optim.lr": 0.1,
    "optim.nesterov": False,
    "optim.weight_decay": 1e-4,
    "optim.clip_norm": None,
    "schedule.kind": "step",
    "schedule.boundaries": ("100 epochs", "150 epochs", "200 epochs"),
}

_SHRUNK = (
    "tested on unchanged images, as the paper's 93.3 must have been; small copies are placed in the "
    "middle of the canvas (Figure 2); test_shrunk is the accuracy on small copies of test images, "
    "through the branch trained on small copies"
)
_METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "bn": ("CIFAR-10 with BN", {}),
    "none": ("CIFAR-10 w/o BN", FIXUP),
    "transformed_bn": ("CIFAR-10-a with BN", {**shrunk(), **BN}),
    "transformed_none": ("CIFAR-10-a w/o BN", {**shrunk(), **FIXUP, **AUGMENTED_SET}),
    "transformed_cn": ("CIFAR-10-a with CN", {**shrunk(), **CN}),
}
_TABLE1 = {32: (92.9, 92.1, 89.7, 92.6, 93.3), 110: (94.0, 93.6, 92.3, 94.0, 94.6)}


def _table1_rows() -> dict[str, Row]:
    rows = {}
    for depth, values in _TABLE1.items():
        for (method, (words, changes)), value in zip(_METHODS.items(), values, strict=True):
            notes = (_SHRUNK if "transformed" in method else "", "w/o BN is Fixup" if "none" in method else "")
            rows[f"resnet{depth}_{method}"] = Row(
                {"model.depth": depth, **changes},
                (Paper(value, MAIN),),
                f"Table 1, ResNet-{depth}, {words}",
                choices=of_cifar(changes, BASE),
                note="; ".join(filter(None, notes)),
                metrics=(small(changes),) if "transformed" in method else (),
            )
    return rows


TABLE1 = Table("BN, no normalisation and CN on CIFAR-10 with and without small copies (CIFAR-10-a)", _table1_rows())

CROP = "inception_crop(224)|flip"


def view(transform: str = "") -> str:
    """ImageNet's augmentation, a transform of its 224 pixels, and PCA lighting, which passes through any of them."""
    return "|".join(filter(None, (CROP, transform, "lighting")))


IMAGENET: dict[str, Any] = {
    "data.name": "imagenet2012",
    "data.test_split": "validation",
    "model.name": "imagenet_resnet",
    "model.depth": 18,
    "model.zero_last_scale": True,
    "norm.group_size": 32,
    "views.main.augment": view(),
    "views.main.weight": 1.0,
    "duration": "120 epochs",
    "batch_size": 256,
    "schedule.kind": "cosine",
    "schedule.boundaries": (),
    "schedule.warmup": "5 epochs",
}


def sizes(*sides: int) -> dict[str, Any]:
    """Views of 224 pixels, and of these scaled to other sizes."""
    return {**IMAGENET, **transforms(**{f"size_{side}": view(f"resize({side})") for side in sides})}


def tops(top1: float, top5: float) -> tuple[Paper, ...]:
    """The paper's accuracies with a centre crop of 224 pixels."""
    return Paper(top1, MAIN), Paper(top5, TOP5)


def again(runs_of: str, paper: tuple[Paper, ...], where: str) -> Row:
    """A row of another table, printed again."""
    return Row({}, paper, where, runs_of=runs_of, evals=("accuracy",))


def on_imagenet(changes: dict[str, Any], top1: float, top5: float, where: str, note: str = "") -> Row:
    """A row that is trained on ImageNet."""
    return Row(changes, tops(top1, top5), where, note=note, choices=of_imagenet(changes))


THREE, FIVE = (192, 128), (320, 192, 128, 96)
_SIZES: dict[str, tuple[str, dict[str, Any]]] = {
    "bn": ("BN, 224", IMAGENET),
    "bn_3_sizes": ("BN, 224, 192, 128", {**sizes(*THREE), **BN_OF_SIZES}),
    "cn_3_sizes": ("CN, 224, 192, 128", {**sizes(*THREE), **CN}),
    "cn_5_sizes": ("CN, 320, 224, 192, 128, 96", {**sizes(*FIVE), **CN}),
}
_TABLE2 = {
    18: ((71.1, 90.0), (71.9, 90.5), (72.8, 91.0), (73.2, 91.2)),
    50: ((77.1, 93.3), (77.3, 93.4), (78.3, 94.1), (78.8, 94.5)),
}
TABLE2 = Table(
    "ImageNet at several image sizes (all tested at 224)",
    {
        f"resnet{depth}_{method}": on_imagenet(
            {**changes, "model.depth": depth}, *values, f"Table 2, ResNet-{depth}, {words}"
        )
        for depth, found in _TABLE2.items()
        for (method, (words, changes)), values in zip(_SIZES.items(), found, strict=True)
    },
)

CROPS = "random_crop_of((32, 64, 96, 128, 160, 192, 224))"
_BLURS = (
    "the text names no kernel; here 5 x 5, sigma 1.5, applied before input normalisation (the order "
    "changes only rounding)"
)
_CROPPED = (
    "'a medium probability' is read as: one uniformly drawn size per mini-batch, not resized; all "
    "sizes share one set of parameters"
)


def imagenet(transform: str, name: str, norm: Mapping[str, Any]) -> dict[str, Any]:
    """ImageNet as it is, and one transform of it."""
    return {**IMAGENET, **transforms(**{name: view(transform)}), **norm}


def _blur(norm: Mapping[str, Any]) -> dict[str, Any]:
    return imagenet("blur(1.5, 5)", "blur", norm)


def _crop(norm: Mapping[str, Any]) -> dict[str, Any]:
    return imagenet(CROPS, "crop", norm)


TABLE3 = Table(
    "Blurred and cropped copies (ResNet-18, ImageNet)",
    {
        "bn": again("table2/resnet18_bn", tops(71.1, 90.0), "Table 3, BN"),
        "bn_blur": on_imagenet(_blur(BN), 70.0, 89.4, "Table 3, BN, blurring", _BLURS),
        "cn_blur": on_imagenet(_blur(CN), 71.1, 90.0, "Table 3, CN, blurring", _BLURS),
        "bn_crop": on_imagenet(_crop(BN_OF_SIZES), 69.2, 88.9, "Table 3, BN, cropping", _CROPPED),
        "cn_crop": on_imagenet(_crop(CN), 71.2, 90.0, "Table 3, CN, cropping", _CROPPED),
    },
)

TABLE4 = Table(
    "The scale of the loss (ResNet-18, ImageNet)",
    {
        "bn_1x": again("table2/resnet18_bn", tops(71.1, 90.0), "Table 4, BN, 1x"),
        "bn_3x": on_imagenet({**IMAGENET, "views.main.weight": 3.0}, 70.9, 90.0, "Table 4, BN, 3x"),
        "cn_3_sizes": again("table2/resnet18_cn_3_sizes", tops(72.8, 91.0), "Table 4, CN, 224, 192, 128"),
    },
)

# Table 2's runs, in pixels of each side
_TABLE5 = {
    "resnet18_bn_3_sizes": {192: 71.1, 128: 65.0},
    "resnet18_cn_3_sizes": {192: 71.4, 128: 65.8},
    "resnet18_cn_5_sizes": {192: 71.9, 128: 66.8},
    "resnet50_bn_3_sizes": {192: 75.9, 128: 70.5},
    "resnet50_cn_3_sizes": {192: 76.8, 128: 73.0},
    "resnet50_cn_5_sizes": {192: 77.7, 128: 73.9},
}


def _at_size(name: str, side: int) -> str:
    return f"test_{side}/{'main' if '_bn_' in name else f'size_{side}'}/accuracy"


TABLE5 = Table(
    "ImageNet at other image sizes, each through the normalisation trained at that size",
    {
        name: Row(
            {},
            tuple(Paper(value, _at_size(name, side)) for side, value in values.items()),
            "Table 5",
            note="the middle 224 pixels, resized; the caption says errors, but the numbers are accuracies",
            runs_of=f"table2/{name}",
            evals=("sizes",),
        )
        for name, values in _TABLE5.items()
    },
    figure="inference",
)

FIGURE1 = Table(
    "Table 1 as a bar chart",
    {name: again(f"table1/{name}", row.paper, "Figure 1") for name, row in TABLE1.rows.items()},
    figure="bars",
)

_FIGURE3 = {"a": ("bn", "BN: little difference between them"), "b": ("none", "w/o BN: apart"), "c": ("cn", "CN: apart")}
FIGURE3 = Table(
    "Distributions of features of images and of their small copies, after the first block of ResNet-32",
    {
        name: Row(
            {},
            where=f"Figure 3{name}",
            note=f"{words}; from all test images, and models trained on both, which the paper does not specify",
            runs_of=f"table1/resnet32_transformed_{method}",
            evals=("features",),
            metrics=("test/shrunk/overlap", "test/shrunk/wasserstein"),
        )
        for name, (method, words) in _FIGURE3.items()
    },
    figure="densities",
)

# Beside table1/resnet32_transformed_cn
_CONTROLS: dict[str, tuple[dict[str, Any], str]] = {
    "cn_mean_loss": ({**shrunk(), "views.main.weight": 0.5, "views.shrunk.weight": 0.5}, "CN, losses averaged"),
    "cn_shared_affine": ({**shrunk(), "norm.kind": "split_stats"}, "CN of statistics only (shared scale and bias)"),
    "cn_random_place": (shrunk(", 'random'"), "CN, the small copy at a random place on its canvas"),
    "cn_of_groups": (
        {**shrunk(), "norm.layer": "group", "norm.groups": 8, "norm.group_size": None},
        "CN with GroupNorm, 8 groups",
    ),
}
OURS = Table(
    "Controls of our own (no number in the paper)",
    {
        **{
            f"resnet32_transformed_{name}": Row(
                changes, where=where, metrics=(MAIN, small(changes)), choices=of_cifar(changes, BASE)
            )
            for name, (changes, where) in _CONTROLS.items()
        },
        "resnet32_transformed_bn_one_pass": Row(
            {}, where="Table 1's BN", runs_of="table1/resnet32_transformed_bn", metrics=(MAIN,)
        ),
        "resnet18_bn_5_sizes": Row({**sizes(*FIVE), **BN_OF_SIZES}, where="Table 2's five sizes through one BatchNorm"),
        "resnet18_cn_crop_resized": Row(
            imagenet(f"{CROPS}|resize(224)", "crop", CN), where="Table 3's cropping, crops resized to 224"
        ),
        **translation.OURS,
    },
)

TABLES = {
    "table1": TABLE1, "table2": TABLE2, "table3": TABLE3, "table4": TABLE4, "table5": TABLE5,
    "table6": TABLE6, "table7": translation.TABLE7, "figure1": FIGURE1, "figure3": FIGURE3, "ours": OURS,
}  # fmt: skip


def get_config(arg: str = "") -> ConfigDict:
    """Returns the config of 'table/row,key=value,...'."""
    return make_config(BASE, TABLES, arg)
