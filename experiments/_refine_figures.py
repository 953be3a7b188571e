"""Figures 1, 3 and 4, what section 4.1 tells without a table, and rows of our own, for refine.py."""

from typing import Any

from experiments._refine_choices import policy
from experiments._refine_parts import (
    AUGMENTED,
    BOTH,
    CIFAR100,
    CLEAN,
    COSINE,
    INTENSIVE,
    MAIN,
    MEDIAN,
    METHODS,
    STANDARD,
    ends,
    refined,
    second_alone,
)
from sbn.config.rows import Paper, Row, Table


def _shown(method: str, where: str, stages: tuple[str, ...], *metrics: str, **how: Any) -> Row:
    """Shows Table 1's runs at the ends of stages."""
    shown = tuple(f"{metric}@{stage}" for stage in stages for metric in metrics)
    return Row({}, (), where, 3, runs_of=CIFAR100 + method, metrics=shown, stages=stages, **how)


_BY_EPOCH = {"eval.evals": ("accuracy", "losses"), "eval.losses.every": "1 epochs"}
FIGURE1 = Table(
    "Losses of augmented and clean training images and of test images by epoch (PreActResNet-18, CIFAR-100)",
    {
        method: _shown(method, "Figure 1", BOTH, AUGMENTED, CLEAN, "test/main/loss", during=_BY_EPOCH)
        for method in ("mixup", "autoaugment")
    },
    figure="loss_curves",
)
FIGURE3 = Table(
    "Singular values of the feature covariance, within classes and total (PreActResNet-18, CIFAR-100)",
    {
        name: _shown(method, "Figure 3", (stage,), MAIN, evals=("spectra",))
        for name, method, stage in (
            ("standard", "standard", "train"),
            ("mixup", "mixup", "train"),
            ("mixup_refined", "mixup", "refine"),
            ("autoaugment", "autoaugment", "train"),
            ("autoaugment_refined", "autoaugment", "refine"),
        )
    },
    figure="spectra",
)

_REMOVED = (100, 150, 200, 250, 275, 300, 325, 350, 375, 390)  # the figure's places are not printed


def _figure4_rows() -> dict[str, Row]:
    """Mixup all the way, a stage from place to place; standard augmentation goes on from the end of each."""
    metrics, never = (f"{MAIN}:{MEDIAN}",), "figure4/removed_at_400"
    shown = (f"{MAIN}@train:{MEDIAN}",)
    rows = {"removed_at_0": Row({}, (), "Figure 4", 5, runs_of=f"{CIFAR100}standard", metrics=shown)}
    mixup: dict[str, Any] = {"views.main.augment": METHODS["mixup"], "schedule.span": "run"}
    for before, epoch in zip((0, *_REMOVED), (*_REMOVED, 400), strict=True):
        mixup[f"stage.to{epoch}.duration"] = f"{epoch - before} epochs"
        if epoch < 400:
            rest = {"stage.refine.duration": f"{400 - epoch} epochs", "schedule.span": "run"}
            changes = second_alone(rest, f"to{epoch}")
            rows[f"removed_at_{epoch}"] = Row(changes, (), "Figure 4", 5, metrics=metrics, needs={"init.from": never})
    mixup["stages"] = tuple(f"to{epoch}" for epoch in (*_REMOVED, 400))
    return {**rows, "removed_at_400": Row(mixup, (), "Figure 4", 5, "Mixup to the end", metrics=metrics)}


FIGURE4 = Table(
    "Accuracy when Mixup is removed before epoch 400, with the same learning rates (PreActResNet-18, CIFAR-100)",
    _figure4_rows(),
    figure="removal",
)
_SECTION: dict[str, Any] = {"where": "section 4.1", "runs": 3, "metrics": (f"{MAIN}@refine:{MEDIAN}",)}


def _again(method: str, epochs: int, note: str, augment: str = STANDARD) -> Row:
    """Table 1's first stage with a method, refined again."""
    changes, needs = second_alone(refined(epochs, augment=augment)), {"init.from": CIFAR100 + method}
    return Row(changes, **_SECTION, note=note, needs=needs)


_SAME, _CONVERGED = (
    "the text: no significant difference",
    "the text: no influence once converged; the numbers of epochs are ours",
)
NO_AUGMENTATION = Table(
    "Refined without any augmentation (PreActResNet-18, CIFAR-100)",
    {method: _again(method, 50, _SAME, "") for method in INTENSIVE},
)
REFINE_EPOCHS = Table(
    "Refined for fewer and more epochs (PreActResNet-18, CIFAR-100)",
    {
        f"{method}_{epochs}": _again(method, epochs, _CONVERGED)
        if epochs != 50
        else Row({}, **_SECTION, runs_of=CIFAR100 + method)
        for method in INTENSIVE
        for epochs in (5, 10, 20, 50, 100, 200)
    },
)


def _fading_row(method: str) -> Row:
    changes = {"views.main.augment": METHODS[method], "stage.train.views.main.fade": "100 epochs", **refined(50)}
    return Row(changes, **_SECTION, note=f"the linear decrease is our choice; {_SAME}", choices=policy(changes))


FADING = Table(
    "Mixup's gamma, or the probability of CutMix or of a policy, falls to 0 over the last 100 of 400 epochs",
    {method: _fading_row(method) for method in ("mixup", "cutmix", "autoaugment")},
)

_PDARTS = {"data.name": "cifar10", "views.main.augment": METHODS["autoaugment"], **COSINE}
_PDARTS |= {"optim.lr": 0.025, "optim.weight_decay": 3e-4, "optim.clip_norm": 5.0}
_PDARTS |= {"model.name": "pdarts", "model.depth": 20, "model.width": 36, "loss.auxiliary": 0.4}
_PDARTS_NOTE = "settings of the P-DARTS code; the text gives only the number of epochs"


def _pdarts_row(epochs: int, changes: dict[str, Any], paper: tuple[Paper, ...], note: str = "") -> Row:
    changes = {**_PDARTS, "duration": f"{epochs} epochs", **changes}
    note = "; ".join(filter(None, (_PDARTS_NOTE, note)))
    return Row(changes, paper, "section 4.1", note=note, choices=policy(changes))


# Of 600 epochs that drop more paths by the epoch, 0.3 at the end, the first 550 and the rest
_DROPPED = {"model.drop_path": (0.0, 0.275), "stage.refine.model.drop_path": (0.275, 0.3)}
PDARTS = Table(
    "A P-DARTS network trained with AutoAugment to the end, or refined at the end (CIFAR-10)",
    {
        "600": _pdarts_row(600, {"model.drop_path": (0.0, 0.3)}, ends((97.81, None))),
        "550_50": _pdarts_row(
            550,
            {**refined(50, 2.5e-4), **_DROPPED},
            ends((None, 97.97)),
            "refined at 1 % of the initial learning rate and without Cutout, like the other rows; DropPath "
            "as in the 600 epochs",
        ),
    },
)

_SPLIT = {"branches": ("main", "aux"), "views.aux.augment": METHODS["autoaugment"]}
_OURS: dict[str, Any] = {**_SECTION, "runs": None}
OURS = Table(
    "Split BatchNorms with refinement (PreActResNet-18, CIFAR-100; not in the paper)",
    {
        "split_then_refine": Row(
            {**_SPLIT, **refined(50), "stage.refine.views.aux.augment": STANDARD},
            choices=policy(_SPLIT),
            **{
                **_OURS,
                "where": "AutoAugment through the auxiliary BatchNorm, then standard augmentation through both",
            },
        ),
        "split_then_refine_main": Row(
            second_alone(refined(50)),
            **{**_OURS, "where": "the same first stage, then the main branch alone"},
            needs={"init.from": "ours/split_then_refine"},
        ),
    },
)

FIGURES = {
    "figure1": FIGURE1,
    "figure3": FIGURE3,
    "figure4": FIGURE4,
    "no_augmentation": NO_AUGMENTATION,
    "refine_epochs": REFINE_EPOCHS,
    "fading": FADING,
    "pdarts": PDARTS,
    "ours": OURS,
}
