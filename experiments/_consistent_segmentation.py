"""Segmentation in Consistent Normalization (Table 6): Cityscapes, alone and with as much of GTA5.

The paper names DeepLab, ResNet-50, the output stride, and for the rest PSPNet: its code's recipe is what these rows have.
"""

from typing import Any

from experiments._consistent_choices import ONE_BATCH
from experiments._consistent_parts import CN
from sbn.config.rows import Choice, Paper, Row, Table

MIOU = "test/main/miou"
CROP = "random_scale(713, 713, (0.5, 2.0))|flip"
CITYSCAPES: dict[str, Any] = {
    "task": "segmentation",
    "data.name": "cityscapes:cityscapes",
    "data.test_split": "val",
    "data.mean": (0.485, 0.456, 0.406),  # ImageNet's, which the network's first weights come from
    "data.std": (0.229, 0.224, 0.225),
    "model.name": "imagenet_resnet",
    "model.depth": 50,
    "norm.group_size": None,
    "views.main.augment": CROP,
    "views.main.weight": 1.0,
    "duration": "200 epochs",
    "batch_size": 16,
    "optim.lr": 0.01,
    "optim.weight_decay": 1e-4,
    "schedule.kind": "poly",
    "schedule.boundaries": (),
    "init.only": ("stem*", "stage*"),
    "eval.augment": "fit(1024, 2048)",
    "segmentation.own_size": True,
    "eval.evals": ("metrics", "masks"),
    "eval.batch_size": 8,
    "eval.every": "200 epochs",
    "save.every": "10 epochs",
}
# As many images of each in a step, and the sum of their losses
GTA: dict[str, Any] = {
    "branches": ("main", "gta"),
    "views.gta.augment": CROP,
    "views.gta.weight": 1.0,
    "views.gta.data.name": "gta5:gta5",
    "views.gta.data.train_examples": 2975,
    "views.gta.data.test_split": "val",
    "views.gta.data.test_examples": 500,
}
ONE_NORM = {"norm.kind": "shared", "norm.sequential": False}

_RECIPE = "PSPNet's code has it, whose rate and auxiliary loss the paper takes"
CHOICES = (
    Choice(
        "head",
        "'We utilize DeepLab [2] with ResNet-50 as our backbone network'; nothing of what stands on it",
        "one_convolution",
        "69.8 is what such a head gives; DeepLab's pyramids give more, and so does PSPNet's pooling, left out here",
        {"pyramid": {"segmentation.head": "aspp"}},
    ),
    Choice(
        "up-sampling of logits",
        "nothing",
        "corners_aligned",
        _RECIPE,
        {"borders_aligned": {"segmentation.align_corners": False}},
    ),
    Choice("length", "nothing", "200_epochs", _RECIPE, {"40_epochs": {"duration": "40 epochs"}}),
    Choice(
        "rate, decay, batch and crops",
        "'Following [24], we employ “poly” learning rate policy with power = 0.9', and nothing of the rate",
        "pspnet",
        f"{_RECIPE}; without its rotations and blur. 16 images of each data set, statistics of all of them",
    ),
    Choice("first weights", "nothing", "imagenet_bn", "those of ResNet-50 with BN, for every branch"),
    Choice(
        "images of GTA5",
        "'the partial GTA5[14] dataset (same number of samples as Cityscapes)'",
        "by_name",
        "the first 2,975 of its training split in an order that the frames' names give, so that all scenes are among them",
    ),
)
_NOTE = (
    "the mean of the row's own 19 classes is {mean:g}; measured on whole images, in one size, through Cityscapes's branch; "
    "data.dir holds the folders cityscapes and gta5"
)
_TABLE6: dict[str, tuple[float, float, str, dict[str, Any], tuple[Choice, ...], tuple[str, ...]]] = {
    "bn": (69.8, 70.63, "BN", {}, CHOICES[:-1], ()),
    "bn_gta": (60.9, 64.05, "BN + GTAV", {**GTA, **ONE_NORM}, (*CHOICES, ONE_BATCH), ("test_gta/main/miou",)),
    "cn_gta": (70.7, 71.85, "CN + GTAV", {**GTA, **CN}, CHOICES, ("test_gta/gta/miou", "test_gta/main/miou")),
}
TABLE6 = Table(
    "Segmentation of Cityscapes, with and without GTA5 (DeepLab, ResNet-50)",
    {
        name: Row(
            {**CITYSCAPES, **changes},
            (Paper(printed, MIOU),),
            f"Table 6, {words}",
            note=_NOTE.format(mean=mean),
            choices=choices,
            needs={"init.from": "table2/resnet50_bn"},
            metrics=metrics,
        )
        for name, (printed, mean, words, changes, choices, metrics) in _TABLE6.items()
    },
)
