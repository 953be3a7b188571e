"""Does Data Augmentation Benefit from Split BatchNorms? (Merchant, Zoph, Cubuk 2020): Tables 1 to 5, Figures 3 to 5.

    python -m sbn.train --config=experiments/split_bn.py:table3/weak_augment,seed=0 --workdir=runs/weak_augment/seed0

Table 5 and the figures train nothing: their rows say whose runs they show, and what evaluates them. The base is the
paper's Weak Augment on CIFAR-10: Cutout through the main BatchNorm, RandAugment through the auxiliary one, WRN-28-2, 200
epochs. About 5 to 10 minutes on one H200, 1 to 3 hours on a T4. The paper prints no momentum form, no clipping and no N,
M of RandAugment: these are the values of the code it descends from.
"""

from typing import Any

from ml_collections import ConfigDict

from experiments._split_bn_imagenet import imagenet_rows
from sbn.config.rows import Paper, Row, Table, make_config

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
    "those of AugMix's code (severity 3, width 3, depth 1 to 3, 9 ops), after flips and crops and without Cutout; "
    "the cross-entropy of the mixed view alone, without the consistency loss"
)


def _table1_row(augment: str, delta: float, affinity: float, note: str = "") -> Row:
    note = "; ".join(filter(None, (f"printed as {delta:+.1f} against the 95.8 of RandAugment alone", note)))
    of_clean_model = Paper(affinity, f"test/main/affinity/{augment or 'none'}", of="table1/clean_model")
    paper = (*percent(round(95.8 + delta, 1)), of_clean_model)
    return Row({"views.main.augment": augment}, paper, "Table 1", runs=10, note=note)


TABLE1 = Table(
    "Augmentations of the main BatchNorm, RandAugment on the auxiliary one (WRN-28-2, CIFAR-10)",
    {
        "baseline": Row(one_view(RANDAUGMENT), percent(95.8), "Table 1, caption", runs=10),
        "none": _table1_row("", -1.6, 0.0, "no flip and no crop on the main branch"),
        "flip": _table1_row("flip", +0.1, -0.8),
        "flip_crop": _table1_row(STANDARD, +0.1, -2.7),
        "cutout": _table1_row(CUTOUT, +0.5, -16.1, "Cutout on top of flips and crops (footnote 4), full side 16"),
        "gaussian": _table1_row(WEAK_GAUSSIAN, -0.3, -25.7, "no strength in the text: set by the printed Affinity"),
        "augmix": _table1_row(AUGMIX, +0.3, -12.7, f"no settings in the text: {_AUGMIX}"),
        "randaugment": _table1_row(RANDAUGMENT, 0.0, -25.0),
        "clean_model": Row(
            {
                **one_view(""),
                "eval.evals": ("accuracy", "affinity"),
                "eval.affinity.pipelines": ("none", "flip", STANDARD, CUTOUT, WEAK_GAUSSIAN, AUGMIX, RANDAUGMENT),
            },
            where="Table 1, Affinity",
            runs=10,
            note="measures the Affinity column: trained without any augmentation, since flips alone already cost 0.8",
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
_TABLE2_NOTES = {
    "autoaugment": (
        "the 95 sub-policies of the released CIFAR code, found on CIFAR-10, which the published numbers come from; "
        "autoaugment('cifar10') has the 25 that its paper prints"
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
            spread = std if method == "weak_augment" else None
            rows[f"{data}_wrn28_{width}_{method}"] = Row(
                changes,
                percent(value, spread),
                f"Table 2, {data}, WRN-28-{width}",
                runs=10,
                note=_TABLE2_NOTES.get(method, ""),
            )
    return rows


TABLE2 = Table(
    "Clean accuracy of Standard, Cutout, AutoAugment, RandAugment and Weak Augment", _table2_rows() | imagenet_rows()
)

_ONE_NORM = "one BatchNorm over the concatenated batch of 2 x 128"

TABLE3 = Table(
    "Where the gain of Weak Augment comes from (WRN-28-2, CIFAR-10)",
    {
        "baseline": Row(
            one_view(CUTOUT),
            percent(94.9),
            "Table 3, row 1",
            runs=10,
            note="the row says flips and crops, which Table 2 puts at 93.8 (table2/cifar10_wrn28_2_standard); its 94.9 is Table 2's Cutout",
        ),
        "randaugment": Row(one_view(RANDAUGMENT), percent(95.8), "Table 3, row 2", runs=10),
        "two_randaugment": Row(
            {"views.main.augment": RANDAUGMENT, "norm.kind": "shared"}, percent(95.8), "Table 3, row 3", 10, _ONE_NORM
        ),
        "two_randaugment_split": Row({"views.main.augment": RANDAUGMENT}, percent(95.8), "Table 3, row 4", runs=10),
        "weak_one_norm": Row({"norm.kind": "shared"}, percent(96.1), "Table 3, row 5", 10, _ONE_NORM),
        "shared_affine": Row({"norm.kind": "split_stats"}, percent(96.1), "Table 3, row 6", runs=10),
        "weak_augment": Row({}, percent(96.3), "Table 3, row 7", runs=10),
    },
)


def _table4_rows() -> dict[str, Row]:
    methods = {
        "gaussian": (GAUSSIAN, (93.2, 95.2), "'strength of 0.2' is read as a fixed sigma, on flips and crops"),
        "adversarial": (
            ADVERSARIAL,
            (94.7, 95.2),
            "PGD on flips and crops, attacking the view's own branch with batch statistics; no settings in the text: "
            "epsilon 1/255 in one step fits the printed baseline best, AdvProp's default is adversarial(4, 1, 5)",
        ),
        "augmix": (AUGMIX, (94.8, 95.7), f"no settings in the text: {_AUGMIX}"),
        "randaugment": (RANDAUGMENT, (95.8, 96.3), ""),
    }
    rows = {}
    for method, (augment, (baseline, weak), note) in methods.items():
        where = f"Table 4, {method}"
        rows[f"{method}_baseline"] = Row(one_view(augment), percent(baseline), where, runs=10, note=note)
        rows[f"{method}_weak"] = Row({"views.aux.augment": augment}, percent(weak), where, runs=10, note=note)
    return rows


TABLE4 = Table("Weak Augment with other augmentations on the auxiliary BatchNorm (WRN-28-2, CIFAR-10)", _table4_rows())


def _shown(
    runs_of: str,
    evaluator: str,
    where: str,
    *metrics: str,
    paper: tuple[Paper, ...] = (),
    runs: int = 10,
    note: str = "",
    **settings: Any,
) -> Row:
    """Shows more of another row's runs, measured by an evaluator with its own `settings`."""
    changes = {f"eval.{evaluator}.{name}": value for name, value in settings.items()}
    return Row(changes, paper, where, runs, note, runs_of=runs_of, evals=(evaluator,), metrics=metrics)


# uCE, and for ResNet-50 mCE, of Standard, RandAugment and Weak Augment's main BatchNorm
_TABLE5 = {"wrn28_2": (27.7, 15.9, 19.1), "wrn28_10": (24.4, 13.2, 17.1), "resnet50": (77.5, 70.8, 69.2)}


def _table5_row(network: str, method: str, value: float) -> Row:
    error, name, data, runs = "uce", f"cifar10_{network}", "CIFAR-10-C", 10
    if network == "resnet50":
        error, name, data, runs = "mce", "imagenet", "ImageNet-C", 1
    others = (f"corrupted/aux/{error}", f"corrupted/mix_0.5/{error}") if method == "weak_augment" else ()
    paper = (Paper(value, f"corrupted/main/{error}"),)
    return _shown(f"table2/{name}_{method}", "corruptions", f"Table 5, {data}", *others, paper=paper, runs=runs)


TABLE5 = Table(
    "Corruption error of the main BatchNorm (uCE on CIFAR-10-C, mCE on ImageNet-C)",
    {
        f"{network}_{method}": _table5_row(network, method, value)
        for network, values in _TABLE5.items()
        for method, value in zip(("standard", "randaugment", "weak_augment"), values, strict=True)
    },
)

_WEAK_AUGMENT = "table2/cifar10_wrn28_2_weak_augment"
_MIXES = [name for k in ("1", "0.5", "0") for name in (f"test/mix_{k}/accuracy", f"corrupted/mix_{k}/uce")]
_MCES = [name.replace("uce", "mce") for name in _MIXES]

FIGURE3 = Table(
    "Accuracy and corruption error of lambda main + (1 - lambda) aux, lambda 0 to 1; averages probabilities",
    {
        "cifar10_wrn28_2": _shown(_WEAK_AUGMENT, "mix", "Figure 3", *_MIXES),
        "cifar10_wrn28_10": _shown("table2/cifar10_wrn28_10_weak_augment", "mix", "Figure 3", *_MIXES),
        "imagenet2012_resnet50": _shown(
            "table2/imagenet_weak_augment", "mix", "Figure 3", *_MCES, runs=1, note="the mean lowers mCE by 2.4 (6.1)"
        ),
    },
)
_MAPS = [f"fourier/{branch}/mean_error" for branch in ("main", "mix_0.5", "aux")]
FIGURE4 = Table(
    "Test error under Fourier noise, frequency by frequency: main BatchNorm, the mean of both, auxiliary one",
    {"wrn28_2": _shown(_WEAK_AUGMENT, "fourier", "Figure 4", *_MAPS, note="norm of one channel", norm=8.0)},
)
_FIGURE5 = {
    "no_augmentation": ("table1/clean_model", "without flips and crops too"),
    "weak_augment": (_WEAK_AUGMENT, "the paper varies something that it does not name"),
    "randaugment": ("table2/cifar10_wrn28_2_randaugment", ""),
}
FIGURE5 = Table(
    "Accuracy on low-pass filtered test images, by the width of the filter",
    {
        name: _shown(runs_of, "low_pass", "Figure 5", "low_pass/main/mean_accuracy", note=note, examples=500)
        for name, (runs_of, note) in _FIGURE5.items()
    },
)

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
