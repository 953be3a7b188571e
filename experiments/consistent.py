"""Consistent Normalization (Zhou et al. 2019): Tables 1 to 7, Figures 1, 3.

    python -m sbn.train --config=experiments/consistent.py:table1/resnet32_transformed_cn --workdir=runs/cn/seed0

A step sees t transforms of every image, crops and flips drawn once for all of them. CN gives each its own statistics,
scales and biases, and is tested with those of the images as they are, the view `main`. BN rows pass the transforms
through one BatchNorm, one after the other, as the paper's algorithm does without the switch: the only way for images
of several sizes. The losses are added up, not averaged.

The base is Table 1's BN on CIFAR-10, and has what the paper leaves open: momentum without Nesterov, weight decay 1e-4,
crops with 4 pixels of padding and flips, shortcuts without parameters. ImageNet is trained as the code of Switchable
Normalization does, by some of the same authors: statistics of 32 images, one GPU's.

Figure 2 is `python -m sbn.augment sheet 'resize_and_pad(16)' --data=cifar10`. Figures 1 and 3, and accuracy over
multiply-adds as the size grows (Table 5), are `python -m sbn.report figures consistent:figure1 --root=runs`.
"""

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from experiments._consistent_waiting import TABLE6, TABLE7
from sbn.config.rows import Paper, Row, Table, make_config

PAPER = "Towards Improving Generalization of Deep Networks via Consistent Normalization (Zhou et al. 2019)"
STANDARD = "crop(4)|flip"
MAIN, TOP5 = "test/main/accuracy", "test/main/top5_accuracy"

BASE: dict[str, Any] = {
    "data.name": "cifar10",
    "model.name": "cifar_resnet",
    "model.depth": 32,
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

# One BatchNorm for all transforms, each normalised with statistics of its own pass
BN = {"norm.kind": "shared", "norm.sequential": True}
CN = {"norm.kind": "split"}
FIXUP = {"norm.kind": "none", "optim.affine_lr_factor": 0.1}


def transforms(**others: str) -> dict[str, Any]:
    """The images as they are and other views of them, that share their draws; the losses are added up."""
    changes: dict[str, Any] = {"branches": ("main", *others), "views.main.weight": 1.0}
    for name, augment in others.items():
        changes |= {f"views.{name}.augment": augment, f"views.{name}.weight": 1.0, f"views.{name}.draws": "main"}
    return changes


def shrunk(placement: str = "") -> dict[str, Any]:
    """CIFAR-10-a: every image, and 16 x 16 pixels of it on a black canvas."""
    return {
        **transforms(shrunk=f"{STANDARD}|resize_and_pad(16{placement})"),
        "eval.evals": ("accuracy", "views", "affinity"),
        "eval.affinity.pipelines": ("resize_and_pad(16)",),
        "eval.affinity.draws": 1,
    }


def _small(changes: Mapping[str, Any]) -> str:
    """The accuracy on small copies, through the branch that was trained on them."""
    return f"test_shrunk/{'main' if changes.get('norm.kind') in ('shared', 'none') else 'shrunk'}/accuracy"


_SHRUNK = (
    "tested on images as they are, as 93.3 must have been; their small copies stand in the middle (Figure 2), and "
    "those of test images go through the branch trained on them, test_shrunk"
)
_METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "bn": ("CIFAR-10 with BN", {}),
    "none": ("CIFAR-10 w/o BN", FIXUP),
    "transformed_bn": ("CIFAR-10-a with BN", {**shrunk(), **BN}),
    "transformed_none": ("CIFAR-10-a w/o BN", {**shrunk(), **FIXUP}),
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
                runs=3,
                note="; ".join(filter(None, notes)),
                metrics=(_small(changes),) if "transformed" in method else (),
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


def again(runs_of: str, paper: tuple[Paper, ...], where: str, *, runs: int = 1) -> Row:
    """A row of another table, printed again."""
    return Row({}, paper, where, runs, runs_of=runs_of, evals=("accuracy",))


THREE, FIVE = (192, 128), (320, 192, 128, 96)
_SIZES: dict[str, tuple[str, dict[str, Any]]] = {
    "bn": ("BN, 224", IMAGENET),
    "bn_3_sizes": ("BN, 224, 192, 128", {**sizes(*THREE), **BN}),
    "cn_3_sizes": ("CN, 224, 192, 128", {**sizes(*THREE), **CN}),
    "cn_5_sizes": ("CN, 320, 224, 192, 128, 96", {**sizes(*FIVE), **CN}),
}
_TABLE2 = {
    18: ((71.1, 90.0), (71.9, 90.5), (72.8, 91.0), (73.2, 91.2)),
    50: ((77.1, 93.3), (77.3, 93.4), (78.3, 94.1), (78.8, 94.5)),
}
TABLE2 = Table(
    "ImageNet in several sizes (all tested at 224)",
    {
        f"resnet{depth}_{method}": Row(
            {**changes, "model.depth": depth}, tops(*values), f"Table 2, ResNet-{depth}, {words}"
        )
        for depth, found in _TABLE2.items()
        for (method, (words, changes)), values in zip(_SIZES.items(), found, strict=True)
    },
)

CROPS = "random_crop_of((32, 64, 96, 128, 160, 192, 224))"
_BLURS = (
    "the text names no kernel: 5 x 5, sigma 1.5, before normalisation, whose order makes no difference but rounding"
)
_CROPPED = "'a medium probability' is read as uniform sizes, one a mini-batch, not resized; all sizes share one set"


def imagenet(transform: str, name: str, norm: Mapping[str, Any]) -> dict[str, Any]:
    """ImageNet as it is, and one transform of it."""
    return {**IMAGENET, **transforms(**{name: view(transform)}), **norm}


TABLE3 = Table(
    "Blurred and cropped copies (ResNet-18, ImageNet)",
    {
        "bn": again("table2/resnet18_bn", tops(71.1, 90.0), "Table 3, BN"),
        "bn_blur": Row(imagenet("blur(1.5, 5)", "blur", BN), tops(70.0, 89.4), "Table 3, BN, blurring", note=_BLURS),
        "cn_blur": Row(imagenet("blur(1.5, 5)", "blur", CN), tops(71.1, 90.0), "Table 3, CN, blurring", note=_BLURS),
        "bn_crop": Row(imagenet(CROPS, "crop", BN), tops(69.2, 88.9), "Table 3, BN, cropping", note=_CROPPED),
        "cn_crop": Row(imagenet(CROPS, "crop", CN), tops(71.2, 90.0), "Table 3, CN, cropping", note=_CROPPED),
    },
)

TABLE4 = Table(
    "The scale of the loss (ResNet-18, ImageNet)",
    {
        "bn_1x": again("table2/resnet18_bn", tops(71.1, 90.0), "Table 4, BN, 1x"),
        "bn_3x": Row({**IMAGENET, "views.main.weight": 3.0}, tops(70.9, 90.0), "Table 4, BN, 3x"),
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
    "ImageNet in other sizes, each through the set trained at it",
    {
        name: Row(
            {},
            tuple(Paper(value, _at_size(name, side)) for side, value in values.items()),
            "Table 5",
            note="the middle 224 pixels, resized; the caption says errors, and prints accuracies",
            runs_of=f"table2/{name}",
            evals=("sizes",),
        )
        for name, values in _TABLE5.items()
    },
    figure="inference",
)

FIGURE1 = Table(
    "Table 1 as bars",
    {name: again(f"table1/{name}", row.paper, "Figure 1", runs=3) for name, row in TABLE1.rows.items()},
    figure="bars",
)

_FIGURE3 = {"a": ("bn", "BN: little between them"), "b": ("none", "w/o BN: apart"), "c": ("cn", "CN: apart")}
FIGURE3 = Table(
    "Features of images and of their small copies, after the first block of ResNet-32",
    {
        name: Row(
            {},
            where=f"Figure 3{name}",
            runs=3,
            note=f"{words}; of all test images and models trained on both, which the paper does not say",
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
    "bn_one_pass": ({**shrunk(), "norm.kind": "shared"}, "BN over both copies as one batch"),
    "cn_mean_loss": ({**shrunk(), "views.main.weight": 0.5, "views.shrunk.weight": 0.5}, "CN, losses averaged"),
    "cn_shared_affine": ({**shrunk(), "norm.kind": "split_stats"}, "CN of statistics alone"),
    "cn_random_place": (shrunk(", 'random'"), "CN, the small copy anywhere on its canvas"),
    "cn_of_groups": ({**shrunk(), "norm.layer": "group", "norm.groups": 8}, "CN of GroupNorm, 8 groups"),
}
OURS = Table(
    "Controls of our own (no number in the paper)",
    {
        **{
            f"resnet32_transformed_{name}": Row(changes, where=where, runs=3, metrics=(MAIN, _small(changes)))
            for name, (changes, where) in _CONTROLS.items()
        },
        "resnet18_bn_5_sizes": Row({**sizes(*FIVE), **BN}, where="Table 2's five sizes through one BatchNorm"),
        "resnet18_cn_crop_resized": Row(
            imagenet(f"{CROPS}|resize(224)", "crop", CN), where="Table 3's cropping, crops resized to 224"
        ),
    },
)

TABLES = {
    "table1": TABLE1, "table2": TABLE2, "table3": TABLE3, "table4": TABLE4, "table5": TABLE5,
    "table6": TABLE6, "table7": TABLE7, "figure1": FIGURE1, "figure3": FIGURE3, "ours": OURS,
}  # fmt: skip


def get_config(arg: str = "") -> ConfigDict:
    """Returns the config of 'table/row,key=value,...'."""
    return make_config(BASE, TABLES, arg)
