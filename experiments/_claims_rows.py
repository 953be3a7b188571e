"""The rows that claims.py compares: rows of the papers at one pocket size.

Each takes its paper's base and row as they are, and the pocket's network, images, batch and length on top, so that a
reading that changes in a paper's row changes here too. docs/claims.md says how the size was found.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from experiments import consistent, refine, split_bn
from sbn.config.rows import Choice, Row, Table

EPOCHS = 40
# The first 2,500 training images and all test images of CIFAR-10; the papers' rate over batch, 0.1 over 128
POCKET: dict[str, Any] = {
    "data.name": "cifar10",
    "data.train_examples": 2500,
    "model.name": "preact_resnet",
    "model.depth": 10,
    "model.width": 16,
    "model.stem_stride": 2,
    "duration": f"{EPOCHS} epochs",
    "batch_size": 64,
    "optim.lr": 0.05,
    "eval.every": "0 steps",
    "eval.last_epochs": 1,
    "log.every": "4 epochs",
    "save.every": "10 epochs",
}


def pocket(paper: Any, row: str, changes: Mapping[str, Any] | None = None, **how: Any) -> Row:
    """A row of a paper's experiments module at pocket size; `changes` come last.

    Args:
        paper: the module, with `BASE` and `TABLES`.
        row: 'table/row'.
        changes: on top of the paper's and the pocket's.
        **how: further fields of the Row.
    """
    table, _, name = row.partition("/")
    of_paper, pocket_size = paper.TABLES[table].rows[name], {**POCKET, **(changes or {})}
    where = f"{paper.__name__.rpartition('.')[2]}:{row} at pocket size"
    choices = tuple(_without(choice, pocket_size) for choice in of_paper.choices)
    whole = {**paper.BASE, **of_paper.changes, **pocket_size}
    return Row(_effective(whole), where=where, choices=choices, **how)


def _effective(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Changes without those that mean nothing: of views that no stage trains on, and of what every stage says itself."""
    every = {"branches": ("main",), **changes}
    views = {name for key, names in every.items() if key.endswith("branches") for name in names}
    stages = changes.get("stages", ("train",))
    return {
        key: value
        for key, value in changes.items()
        if not (
            (key.startswith("views.") and key.split(".")[1] not in views)
            or all(f"stage.{stage}.{key}" in changes for stage in stages)
        )
    }


def _without(choice: Choice, fixed: Mapping[str, Any]) -> Choice:
    """A choice of the paper's row, whose readings leave alone what the pocket size fixes, and the network."""
    others = {
        reading: {key: value for key, value in changes.items() if key not in fixed and not key.startswith("model.")}
        for reading, changes in choice.others.items()
    }
    return dataclasses.replace(choice, others={reading: changes for reading, changes in others.items() if changes})


# --- Split BatchNorms ---

# This network underfits RandAugment at the strength of a WRN-28-2. It learns from one op and a smaller cutout, given
# twice the epochs.
_SPLIT_EPOCHS = 2 * EPOCHS
_GENTLER = {"randaugment(3, 4": "randaugment(1, 4", "cutout(16)": "cutout(8)"}

_EVALS = ("accuracy", "low_pass")
_CLEAN = {"eval.evals": (*_EVALS, "affinity"), "eval.affinity.draws": 1}
_ROBUST = {
    "eval.evals": (*_EVALS, "mix", "corruptions", "fourier"),
    "eval.corruptions.source": "generated",
    "eval.corruptions.frost": "procedural",
    "eval.corruptions.examples": 500,
    "eval.fourier.examples": 100,
}
_SHORT = {"duration": f"{EPOCHS} epochs"}


def _split(row: str, changes: Mapping[str, Any] | None = None, **how: Any) -> Row:
    made = pocket(split_bn, row, {"duration": f"{_SPLIT_EPOCHS} epochs", **(changes or {})}, **how)
    choices = tuple(
        dataclasses.replace(choice, others={name: _gentler(others) for name, others in choice.others.items()})
        for choice in made.choices
    )
    return dataclasses.replace(made, changes=_gentler(made.changes), choices=choices)


def _gentler(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Changes with the augmentation that this network learns from; how test images are augmented stays the paper's."""
    found = dict(changes)
    for key in found:
        if key.startswith("views.") and key.endswith(".augment"):
            for strong, weaker in _GENTLER.items():
                found[key] = found[key].replace(strong, weaker)
    return found


SPLIT_BN = Table(
    "Rows of Split BatchNorms at pocket size (PreActResNet-10, 2,500 images of CIFAR-10, RandAugment(1, 4), cutout(8))",
    {
        "clean_model": _split("table1/clean_model", _CLEAN),
        "standard": _split("table2/cifar10_wrn28_2_standard"),
        "randaugment_short": _split("table3/randaugment", _SHORT, note="half the epochs"),
        "randaugment": _split("table3/randaugment", {"eval.evals": _EVALS}),
        "weak_one_norm": _split("table3/weak_one_norm"),
        "weak_augment": _split("table3/weak_augment", _ROBUST),
        # The paper's own strength: too much for accuracy to gain, but the views differ as they do there
        "weak_augment_3_ops": pocket(
            split_bn,
            "table3/weak_augment",
            {"duration": f"{_SPLIT_EPOCHS} epochs", **_ROBUST},
            note="RandAugment(3, 4) and cutout(16), as in the paper",
        ),
        "clean_main": _split("table1/none"),
    },
)

# Table 1's pipelines as their Affinities fall; nothing at all loses nothing by definition
AFFINITIES = (
    "flip",
    split_bn.STANDARD,
    split_bn.AUGMIX,
    split_bn.CUTOUT,
    split_bn.RANDAUGMENT,
    split_bn.WEAK_GAUSSIAN,
)

# --- Data Augmentation Revisited ---

_REFINE_EPOCHS = EPOCHS // 8  # 50 of 400


def _steps(paper: Any, *, of: int) -> tuple[str, ...]:
    """The places in a schedule where a paper's rate falls, as shares of `of` epochs, at pocket size."""
    return tuple(f"{round(EPOCHS * int(text.split()[0]) / of)} epochs" for text in paper.BASE["schedule.boundaries"])


_REVISITED: dict[str, Any] = {
    "schedule.boundaries": _steps(refine, of=400),
    "stage.refine.duration": f"{_REFINE_EPOCHS} epochs",
    # the rate that the first stage ends with, as the paper's
    "stage.refine.optim.lr": 5e-4,
    "eval.evals": ("accuracy", "losses"),
}
_MIXUP = "table1/preactresnet18_cifar10_mixup"
REVISITED = Table(
    "Rows of Data Augmentation Revisited at pocket size (PreActResNet-10, 2,500 images of CIFAR-10)",
    {
        "mixup": pocket(refine, _MIXUP, _REVISITED),
        "mixup_longer": pocket(
            refine,
            _MIXUP,
            {
                **_REVISITED,
                "stages": ("refine",),
                "init.stage": "train",
                "stage.refine.views.main.augment": refine.METHODS["mixup"],
            },
            needs={"init.from": "revisited/mixup"},
            note="the same first stage, then Mixup for as many epochs as refinement, at the same learning rate",
        ),
    },
)

# --- Consistent Normalization ---

_SMALLER: dict[str, Any] = {"schedule.boundaries": _steps(consistent, of=250), "eval.evals": ("accuracy", "views")}
_ALONE = {"eval.evals": ("accuracy",)}  # with one view there is none to compare with


def _cn(row: str, changes: Mapping[str, Any] | None = None) -> Row:
    return pocket(consistent, row, {**_SMALLER, **(changes or {})})


CONSISTENT = Table(
    "Rows of Consistent Normalization at pocket size (PreActResNet-10, 2,500 images of CIFAR-10)",
    {
        "bn": _cn("table1/resnet32_bn", _ALONE),
        "none": _cn("table1/resnet32_none", _ALONE),
        "transformed_bn": _cn("table1/resnet32_transformed_bn"),
        # of the augmented set as many images a step as elsewhere: half of them, and their copies
        "transformed_none": _cn("table1/resnet32_transformed_none", {"batch_size": POCKET["batch_size"] // 2}),
        "transformed_cn": _cn("table1/resnet32_transformed_cn"),
    },
)

ROWS = {"split_bn": SPLIT_BN, "revisited": REVISITED, "consistent": CONSISTENT}
