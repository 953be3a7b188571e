"""The ImageNet rows of Split BatchNorms' Table 2."""

from typing import Any

from sbn.config.rows import Choice, Paper, Row

CROP = "inception_crop(224)|flip"

# RandAugment's own ResNet-50: the TPU code at randaugment-32's settings. Each of 32 cores normalises its 128 images.
IMAGENET: dict[str, Any] = {
    "data.name": "imagenet2012",
    "data.test_split": "validation",
    "model.name": "imagenet_resnet",
    "model.depth": 50,
    "model.width": None,
    "model.initialiser": "tpu",
    "model.zero_last_scale": True,
    "norm.group_size": 128,
    "precision": "bfloat16",
    "duration": "180 epochs",
    "batch_size": 4096,
    "optim.lr": 1.6,
    "optim.weight_decay": 1e-4,
    "optim.decay_norm": False,
    "optim.clip_norm": None,
    "schedule.kind": "step",
    "schedule.boundaries": ("60 epochs", "120 epochs", "160 epochs"),
    "schedule.warmup": "10 epochs",
}


_CUTOUT = Choice(
    "side of Cutout on ImageNet",
    "'a pad-size of 16/90 for CIFAR-10/ImageNet models' (footnote 4); on CIFAR 16 is the full side, "
    "which hides 19 % of the image on average, so the word has two meanings here",
    "half_side_90",
    "in the TPU code the pad size is half of the side: 180 pixels, which hide 41 % of the image on "
    "average; with 90 as the full side it would be 13 %",
    {"full_side_90": {"views.main.augment": f"{CROP}|cutout(90)"}},
)


def imagenet_rows() -> dict[str, Row]:
    """The rows by name."""
    one: dict[str, Any] = {"branches": ("main",)}
    strong = f"{CROP}|randaugment(2, 9, semantics='tf')"
    weak = {"views.main.augment": f"{CROP}|cutout(90, half_side=True)", "views.aux.augment": strong}
    methods: dict[str, tuple[dict[str, Any], tuple[float, float], str]] = {
        "standard": ({**one, "views.main.augment": CROP}, (76.3, 93.1), ""),
        "autoaugment": (
            {**one, "views.main.augment": f"{CROP}|autoaugment('imagenet_v0', fill=128, semantics='tf')"},
            (77.6, 93.8),
            "",
        ),
        "randaugment": (
            {**one, "views.main.augment": strong},
            (77.6, 93.8),
            "N = 2, M = 9 are the values of RandAugment's paper",
        ),
        "weak_augment": (weak, (77.9, 93.9), ""),
    }
    common = (
        "the paper gives neither the warm-up nor the learning rate schedule: both are from "
        "RandAugment's code; images are resized bilinearly, in that code bicubically; the row prints "
        "four values in five columns, none for Cutout"
    )
    return {
        f"imagenet_{method}": Row(
            {**IMAGENET, **changes},
            (Paper(top1, "test/main/accuracy"), Paper(top5, "test/main/top5_accuracy")),
            "Table 2, ImageNet, ResNet-50",
            note="; ".join(filter(None, (note, common))),
            choices=(_CUTOUT,) if method == "weak_augment" else (),
        )
        for method, (changes, (top1, top5), note) in methods.items()
    }
