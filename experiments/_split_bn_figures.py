"""Table 5 and Figures 3 to 5 of Split BatchNorms, which show runs of Tables 1 to 3 and train nothing."""

from typing import Any

from sbn.config.rows import Paper, Row, Table


def _shown(
    runs_of: str,
    evaluator: str,
    where: str,
    *metrics: str,
    paper: tuple[Paper, ...] = (),
    runs: int | None = 10,
    note: str = "",
    **settings: Any,
) -> Row:
    """Shows more of another row's runs, measured by an evaluator with its own `settings`."""
    changes = {f"eval.{evaluator}.{name}": value for name, value in settings.items()}
    return Row(changes, paper, where, runs, note, runs_of=runs_of, evals=(evaluator,), metrics=metrics)


# uCE, and for ResNet-50 mCE, of Standard, RandAugment and Weak Augment's main BatchNorm
_TABLE5 = {"wrn28_2": (27.7, 15.9, 19.1), "wrn28_10": (24.4, 13.2, 17.1), "resnet50": (77.5, 70.8, 69.2)}


def _table5_row(network: str, method: str, value: float) -> Row:
    error, data = "uce", "CIFAR-10-C"
    runs: int | None = 10
    whose = f"table2/cifar10_{network}_{method}"
    if network == "resnet50":
        error, data, runs, whose = "mce", "ImageNet-C", None, f"table2/imagenet_{method}"
    elif network == "wrn28_2" and method != "standard":
        whose = f"table3/{method}"
    others = (f"corrupted/aux/{error}", f"corrupted/mix_0.5/{error}") if method == "weak_augment" else ()
    paper = (Paper(value, f"corrupted/main/{error}"),)
    return _shown(whose, "corruptions", f"Table 5, {data}", *others, paper=paper, runs=runs)


TABLE5 = Table(
    "Corruption error of the main BatchNorm (uCE on CIFAR-10-C, mCE on ImageNet-C)",
    {
        f"{network}_{method}": _table5_row(network, method, value)
        for network, values in _TABLE5.items()
        for method, value in zip(("standard", "randaugment", "weak_augment"), values, strict=True)
    },
)

_WEAK_AUGMENT = "table3/weak_augment"
_MIXES = [name for k in ("1", "0.5", "0") for name in (f"test/mix_{k}/accuracy", f"corrupted/mix_{k}/uce")]
_MCES = [name.replace("uce", "mce") for name in _MIXES]

FIGURE3 = Table(
    "Accuracy and corruption error of averaged probabilities, lambda main + (1 - lambda) aux, for lambda from 0 to 1",
    {
        "cifar10_wrn28_2": _shown(_WEAK_AUGMENT, "mix", "Figure 3", *_MIXES),
        "cifar10_wrn28_10": _shown("table2/cifar10_wrn28_10_weak_augment", "mix", "Figure 3", *_MIXES),
        "imagenet2012_resnet50": _shown(
            "table2/imagenet_weak_augment",
            "mix",
            "Figure 3",
            *_MCES,
            runs=None,
            note="the mean lowers mCE by 2.4 (6.1)",
        ),
    },
)
_MAPS = [f"fourier/{branch}/mean_error" for branch in ("main", "mix_0.5", "aux")]
_FOURIER = (
    "the norm is per channel; 1,000 test images, where the text says 'each image in the test set' "
    "(--config.eval.fourier.examples=10000 takes all)"
)
FIGURE4 = Table(
    "Test error under Fourier noise of each frequency: main BatchNorm, mean of both, auxiliary BatchNorm",
    {"wrn28_2": _shown(_WEAK_AUGMENT, "fourier", "Figure 4", *_MAPS, note=_FOURIER, norm=8.0)},
)
_FIGURE5 = {
    "no_augmentation": ("table1/clean_model", "also without flips and crops"),
    "weak_augment": (_WEAK_AUGMENT, "the paper varies a setting that it does not name"),
    "randaugment": ("table3/randaugment", ""),
}
FIGURE5 = Table(
    "Accuracy on low-pass filtered test images, by the width of the filter",
    {
        name: _shown(runs_of, "low_pass", "Figure 5", "low_pass/main/mean_accuracy", note=note, examples=500)
        for name, (runs_of, note) in _FIGURE5.items()
    },
)
