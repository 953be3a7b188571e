"""What the rows of refine.py are made of: methods, networks with their recipes, second stages, the paper's numbers."""

from collections.abc import Sequence
from typing import Any

from sbn.config.rows import Paper

STANDARD = "crop(4, fill=0)|flip"
# The readings of AutoAugment's levels, and what its ops uncover, are choices: the paper names neither.
CIFAR_POLICY = "autoaugment('cifar10', fill=128, levels='scaled')"
IMAGENET_POLICY = "autoaugment('imagenet', fill=128, levels='scaled_4_to_8')"
METHODS = {
    "standard": STANDARD,
    "mixup": f"{STANDARD}|mixup(1)",
    "manifold_mixup": f"{STANDARD}|manifold_mixup(1)",
    "cutmix": f"{STANDARD}|cutmix(1, 0.5)",
    "autoaugment": f"{STANDARD}|{CIFAR_POLICY}|cutout(16)",
}
INTENSIVE = tuple(METHODS)[1:]
MAIN, MEDIAN, BOTH = "test/main/accuracy", "median_last_10", ("train", "refine")
AUGMENTED, CLEAN = "train_augmented/main/cross_entropy", "train_clean/main/cross_entropy"
CIFAR100 = "table1/preactresnet18_cifar100_"  # and a method: the first stages that other tables go on from
COSINE: dict[str, Any] = {"schedule.kind": "cosine", "schedule.boundaries": ()}


def refined(epochs: int, lr: float = 1e-3, augment: str = STANDARD) -> dict[str, Any]:
    """A second stage of constant learning rate."""
    stage = {"duration": f"{epochs} epochs", "optim.lr": lr, "views.main.augment": augment}
    stage |= {"schedule.kind": "constant", "schedule.boundaries": ()}
    return {"stages": BOTH, **{f"stage.refine.{key}": value for key, value in stage.items()}}


def second_alone(changes: dict[str, Any], stage: str = "train") -> dict[str, Any]:
    """The second stage of `changes`, from the end of a stage of another run."""
    return {**changes, "stages": ("refine",), "init.stage": stage}


def ends(values: Sequence[float | None], metric: str = MAIN, **how: Any) -> tuple[Paper, ...]:
    """The paper's numbers at the ends of both stages; None for its dashes."""
    pairs = zip(BOTH, values, strict=True)
    return tuple(Paper(value, metric, stage=stage, **how) for stage, value in pairs if value is not None)


NETWORKS: dict[str, dict[str, Any]] = {
    "preactresnet18": {},
    "wrn28_10": {
        "model.name": "wide_resnet",
        "model.depth": 28,
        "model.width": 10,
        "model.initialiser": "he_fan_in",
        "model.shortcut": "conv",
        "optim.weight_decay": 5e-4,
        "schedule.boundaries": ("120 epochs", "240 epochs", "320 epochs"),
        "schedule.factor": 0.2,
    },
    "shakeshake26_2x96d": {
        "model.name": "shake_shake",
        "model.depth": 26,
        "model.width": 96,
        "duration": "1800 epochs",
        "optim.lr": 0.01,
        "optim.weight_decay": 1e-3,
        "optim.nesterov": True,
        "norm.group_size": 64,
        **COSINE,
    },
}
REFINED = {
    "preactresnet18": refined(50),
    "wrn28_10": refined(50, 8e-4),
    "shakeshake26_2x96d": refined(200, 1e-4),
}
WRN_AUTOAUGMENT = {**NETWORKS["wrn28_10"], **COSINE, **refined(50), "model.dropout": 0.3}
WRN_AUTOAUGMENT["views.main.augment"] = METHODS["autoaugment"]
