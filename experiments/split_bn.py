"""Does Data Augmentation Benefit from Split BatchNorms? (Merchant, Zoph, Cubuk 2020): Tables 1 to 5, Figures 3 to 5.

    python -m sbn.train --config=experiments/split_bn.py:table3/weak_augment,seed=0 --workdir=runs/weak_augment/seed0

What one config measures is trained once: rows that print a number again, Table 5 and the figures train nothing, and say
whose runs they show, and what evaluates them. The base is the paper's Weak Augment on CIFAR-10: Cutout through the main
BatchNorm, RandAugment through the auxiliary one, WRN-28-2, 200 epochs: docs/readings.md estimates how long that
takes. The paper prints no momentum form, no clipping and no N, M of RandAugment: these are the values of the code it
descends from. What else it leaves open is data of the rows: `python -m sbn.list split_bn:TABLE/ROW` tells it.
"""

from typing import Any

from ml_collections import ConfigDict

from experiments._split_bn_choices import ATTACKER, ONE_NORM, gaussian, of_cifar
from experiments._split_bn_figures import FIGURE3, FIGURE4, FIGURE5, TABLE5
from experiments._split_bn_imagenet import imagenet_rows
from sbn.config.rows import Choice, Paper, Row, Table, make_config

PAPER = "Does Data Augmentation Benefit from Split BatchNorms? (Merchant, Zoph, Cubuk 2020)"
STANDARD = "crop(4)|flip"
CUTOUT = "crop(4)|flip|cutout(16)"
MAIN = "test/main/accuracy"


def randaugment(layers: int, magnitude: int) -> str:
    """RandAugment with the default crops, flips and Cutout that the paper's footnote 3 includes."""
    return f"randaugment({layers}, {magnitude})|{CUTOUT}"


RANDAUGMENT = randaugment(3, 4)
AUGMIX = f"{STANDARD}|augmix"
GAUSSIAN = f"{STANDARD}|gaussian(0.2)"
WEAK_GAUSSIAN = f"{STANDARD}|gaussian(0.1, 'uniform')"
ADVERSARIAL = f"{STANDARD}|adversarial(1, 1, 1)"
AUTOAUGMENT = f"autoaugment('cifar10_code')|{CUTOUT}"

BASE: dict[str, Any] = {
    "data.name": "cifar10",
    "model.name": "wide_resnet",
    "model.depth": 28,
    "model.width": 2,
    "norm.kind": "split",
    "branches": ("main", "aux"),
    "views.main.augment": CUTOUT,
    "views.aux.augment": RANDAUGMENT,
    "duration": "200 epochs",
    "batch_size": 128,
    "optim.lr": 0.1,
    "optim.weight_decay": 5e-4,
    "schedule.kind": "cosine",
}


def one_view(augment: str) -> dict[str, Any]:
    """One view through one BatchNorm."""
    return {"branches": ("main",), "views.main.augment": augment}


def percent(value: float, std: float | None = None) -> tuple[Paper, ...]:
    """The paper's clean test accuracy, which it takes from the main BatchNorm."""
    return (Paper(value, MAIN, std),)


_AUGMIX = (
    "settings of AugMix's code (severity 3, width 3, depth 1 to 3, 9 ops), after flips and crops "
    "and without Cutout; only the cross-entropy of the mixed view, without the consistency loss"
)


def row(
    changes: dict[str, Any], paper: tuple[Paper, ...], where: str, note: str = "", *choices: Choice, **how: Any
) -> Row:
    """A row that trains on CIFAR, with what is open in it: `choices`, and what is in every one."""
    return Row(changes, paper, where, 10, note, choices=(*choices, *of_cifar({**BASE, **changes})), **how)


def again(runs_of: str, paper: tuple[Paper, ...], where: str, note: str = "") -> Row:
    """A row whose config another one has too, which trains it."""
    return Row({}, paper, where, 10, note, runs_of=runs_of)


def _table1_row(
    augment: str, delta: float, affinity: float, note: str = "", *choices: Choice, runs_of: str = ""
) -> Row:
    note = "; ".join(filter(None, (f"printed as {delta:+.1f} compared with the 95.8 of RandAugment alone", note)))
    of_clean_model = Paper(affinity, f"test/main/affinity/{augment or 'none'}", of="table1/clean_model")
    paper = (*percent(round(95.8 + delta, 1)), of_clean_model)
    if runs_of:
        return again(runs_of, paper, "Table 1", note)
    return row({"views.main.augment": augment}, paper, "Table 1", note, *choices)


TABLE1 = Table(
    "Augmentations of the main BatchNorm, RandAugment on the auxiliary one (WRN-28-2, CIFAR-10)",
    {
        "baseline": again("table3/randaugment", percent(95.8), "Table 1, caption"),
        "none": _table1_row("", -1.6, 0.0, "no flip and no crop on the main branch"),
        "flip": _table1_row("flip", +0.1, -0.8),
        "flip_crop": _table1_row(STANDARD, +0.1, -2.7),
        "cutout": _table1_row(
            CUTOUT,
            +0.5,
            -16.1,
            "Cutout on top of flips and crops (footnote 4), full side 16",
            runs_of="table3/weak_augment",
        ),
        "gaussian": _table1_row(WEAK_GAUSSIAN, -0.3, -25.7, "", gaussian(("main",), STANDARD, taken="uniform_0.1")),
        "augmix": _table1_row(AUGMIX, +0.3, -12.7, f"the text gives no settings: {_AUGMIX}"),
        "randaugment": _table1_row(RANDAUGMENT, 0.0, -25.0, runs_of="table3/two_randaugment_split"),
        "clean_model": row(
            {
                **one_view(""),
                "eval.evals": ("accuracy", "affinity"),
                "eval.affinity.pipelines": ("none", "flip", STANDARD, CUTOUT, WEAK_GAUSSIAN, AUGMIX, RANDAUGMENT),
            },
            (),
            "Table 1, Affinity",
            "the model that measures the Affinity column; trained without any augmentation, because flips "
            "alone cost 0.8",
        ),
    },
)

# (data set, width): (N, M) of RandAugment, and the paper's Standard, Cutout, AutoAugment, RandAugment, Weak Augment and
# its spread
_TABLE2 = {
    ("cifar10", 2): ((3, 4), (93.8, 94.9, 95.9, 95.8, 96.3), 0.1),
    ("cifar10", 10): ((3, 5), (95.5, 96.6, 97.4, 97.3, 97.6), 0.1),
    ("cifar100", 2): ((1, 2), (70.9, 75.4, 78.5, 78.3, 79.2), 0.2),
    ("cifar100", 10): ((2, 14), (78.8, 81.2, 82.9, 83.3, 83.8), 0.3),
}
_TABLE2_AGAIN = {"cutout": "table3/baseline"} | {name: f"table3/{name}" for name in ("randaugment", "weak_augment")}
_TABLE2_NOTES = {
    "autoaugment": (
        "the 95 sub-policies of the released CIFAR code, found on CIFAR-10, which produced the "
        "published numbers; autoaugment('cifar10') has the 25 that AutoAugment's paper prints"
    )
}


def _table2_rows() -> dict[str, Row]:
    rows = {}
    for (data, width), ((layers, magnitude), values, std) in _TABLE2.items():
        strong = randaugment(layers, magnitude)
        methods = {
            "standard": one_view(STANDARD),
            "cutout": one_view(CUTOUT),
            "autoaugment": one_view(AUTOAUGMENT),
            "randaugment": one_view(strong),
            "weak_augment": {"views.aux.augment": strong},
        }
        for (method, changes), value in zip(methods.items(), values, strict=True):
            changes = {"data.name": data, "model.width": width, **changes}
            paper = percent(value, std if method == "weak_augment" else None)
            where = f"Table 2, {data}, WRN-28-{width}"
            rows[f"{data}_wrn28_{width}_{method}"] = (
                again(_TABLE2_AGAIN[method], paper, where)
                if (data, width) == ("cifar10", 2) and method in _TABLE2_AGAIN
                else row(changes, paper, where, _TABLE2_NOTES.get(method, ""))
            )
    return rows


TABLE2 = Table(
    "Clean accuracy of Standard, Cutout, AutoAugment, RandAugment and Weak Augment", _table2_rows() | imagenet_rows()
)

TABLE3 = Table(
    "Where the gain of Weak Augment comes from (WRN-28-2, CIFAR-10)",
    {
        "baseline": row(
            one_view(CUTOUT),
            percent(94.9),
            "Table 3, row 1",
            "the row says flips and crops, for which Table 2 gives 93.8 (table2/cifar10_wrn28_2_standard); "
            "its 94.9 is Table 2's number for Cutout",
        ),
        "randaugment": row(one_view(RANDAUGMENT), percent(95.8), "Table 3, row 2"),
        "two_randaugment": row(
            {"views.main.augment": RANDAUGMENT, "norm.kind": "shared"}, percent(95.8), "Table 3, row 3", "", ONE_NORM
        ),
        "two_randaugment_split": row({"views.main.augment": RANDAUGMENT}, percent(95.8), "Table 3, row 4"),
        "weak_one_norm": row({"norm.kind": "shared"}, percent(96.1), "Table 3, row 5", "", ONE_NORM),
        "shared_affine": row({"norm.kind": "split_stats"}, percent(96.1), "Table 3, row 6"),
        "weak_augment": row({}, percent(96.3), "Table 3, row 7"),
    },
)


_STANDARD_OF_TABLE4 = "after flips and crops, without Cutout"
# method: what is on the auxiliary branch, alone and beside Cutout through the main one, note
_TABLE4: dict[str, tuple[str, tuple[float, float], str]] = {
    "gaussian": (GAUSSIAN, (93.2, 95.2), _STANDARD_OF_TABLE4),
    "adversarial": (
        ADVERSARIAL,
        (94.7, 95.2),
        f"PGD {_STANDARD_OF_TABLE4}, attacking the view's own branch with batch statistics",
    ),
    "augmix": (AUGMIX, (94.8, 95.7), f"the text gives no settings: {_AUGMIX}"),
}


def _table4_rows() -> dict[str, Row]:
    rows = {}
    for method, (augment, (baseline, weak), note) in _TABLE4.items():
        where = f"Table 4, {method}"
        for name, changes, value in (
            ("baseline", one_view(augment), baseline),
            ("weak", {"views.aux.augment": augment}, weak),
        ):
            view = ("main",) if name == "baseline" else ("aux",)
            choices = {"gaussian": (gaussian(view, STANDARD, taken="fixed_0.2"),), "adversarial": (ATTACKER[view],)}
            rows[f"{method}_{name}"] = row(changes, percent(value), where, note, *choices.get(method, ()))
    rows["randaugment_baseline"] = again("table3/randaugment", percent(95.8), "Table 4, randaugment")
    rows["randaugment_weak"] = again("table3/weak_augment", percent(96.3), "Table 4, randaugment")
    return rows


TABLE4 = Table("Weak Augment with other augmentations on the auxiliary BatchNorm (WRN-28-2, CIFAR-10)", _table4_rows())


OURS = Table(
    "Experiments of our own (no number in the paper)",
    {
        "augmix_jsd": Row(
            {
                "branches": ("main", "aux", "aux2"),
                "norm.kind": "shared",
                "views.main.augment": STANDARD,
                "views.aux.augment": AUGMIX,
                "views.aux2.augment": AUGMIX,
                "views.aux.draws": "main",
                "views.aux2.draws": "main",
                "views.main.weight": 1.0,
                "views.aux.weight": 0.0,
                "views.aux2.weight": 0.0,
                "loss.consistency": 12.0,
            },
            (),
            "AugMix with its consistency loss (Hendrycks et al. 2020): one BatchNorm over a clean view and two of AugMix",
        ),
        "advprop_pgd5": Row(
            {"views.aux.augment": f"{STANDARD}|adversarial(4, 1, 5)"},
            (),
            "AdvProp's default attacker (Xie et al. 2020) on the auxiliary branch, Cutout on the main one",
        ),
        "mixup_aux": Row({"views.aux.augment": f"{STANDARD}|mixup(1)"}, (), "Mixup through the auxiliary BatchNorm"),
        "cutmix_aux": Row(
            {"views.aux.augment": f"{STANDARD}|cutmix(1, 0.5)"}, (), "CutMix through the auxiliary BatchNorm"
        ),
    },
)

TABLES = {
    "table1": TABLE1, "table2": TABLE2, "table3": TABLE3, "table4": TABLE4, "table5": TABLE5,
    "figure3": FIGURE3, "figure4": FIGURE4, "figure5": FIGURE5, "ours": OURS,
}  # fmt: skip


def get_config(arg: str = "") -> ConfigDict:
    """Returns the config of 'table/row,key=value,...'."""
    return make_config(BASE, TABLES, arg)
