"""What three papers claim, each as rows that are compared, a number that is above 0 if the claim holds, and a verdict.

    python -m launch.sweep --experiment=claims --seeds=0:5 --root=runs
    python -m sbn.report claims --root=runs

The rows are the papers', at a pocket size that two CPU cores train in about a minute a view: a small network, 2,500
images and enough epochs for augmentation to help. How the size was found, and what the verdicts can and can't say, is
in docs/claims.md.
"""

from typing import Any

from ml_collections import ConfigDict

from experiments._claims_rows import AFFINITIES, ROWS
from sbn.config.claims import Claim, Term
from sbn.config.rows import make_config

BASE: dict[str, Any] = {}
TABLES = ROWS
_ACCURACY, _AUX, _MIX = (f"test/{name}/accuracy" for name in ("main", "aux", "mix_0.5"))
_CLEAN = "train_clean/main/cross_entropy"


def _more(row: str, other: str, measure: str = _ACCURACY, second: str = "") -> tuple[Term, ...]:
    """A number of a row minus one of another row: the same, or `second`."""
    return Term(1.0, row, measure), Term(-1.0, other, second or measure)


def _error(branch: str) -> str:
    return f"corrupted_generated/{branch}/uce"


_PAPER_SIZE = "the papers' own network and 200 epochs on an accelerator"
BASELINE = (
    Claim(
        "augmentation_helps",
        "Flips and crops raise accuracy",
        "all three papers assume it; none gives a number",
        _more("split_bn/standard", "split_bn/clean_model"),
    ),
    Claim(
        "epochs_help",
        "With RandAugment, twice the epochs raise accuracy",
        "all three papers assume it; none gives a number",
        _more("split_bn/randaugment", "split_bn/randaugment_short"),
    ),
    Claim(
        "randaugment_helps",
        "RandAugment with Cutout beats flips and crops",
        "Split BatchNorms, Table 2: 95.8, 93.8",
        _more("split_bn/randaugment", "split_bn/standard"),
        paper=2.0,
        settled_by=_PAPER_SIZE,
    ),
)


def _of_branches(row: str, suffix: str = "", where: str = "", settled_by: str = "") -> tuple[Claim, ...]:
    """What the branches of one model know: of a row whose views are more alike, or less."""
    return (
        Claim(
            f"main_better_on_clean{suffix}",
            f"The main branch is better than the auxiliary one on clean images{where}",
            "Split BatchNorms, Figure 3",
            _more(row, row, _ACCURACY, _AUX),
            settled_by=settled_by,
        ),
        Claim(
            f"auxiliary_better_on_corrupted{suffix}",
            f"The auxiliary branch makes fewer errors than the main one on corrupted images{where}",
            "Split BatchNorms, Table 5 and Figure 3",
            _more(row, row, _error("main"), _error("aux")),
            settled_by=settled_by,
        ),
        Claim(
            f"mean_keeps_clean{suffix}",
            f"On clean images the mean prediction of both branches beats the average of their accuracies{where}",
            "Split BatchNorms, Figure 3",
            (Term(1.0, row, _MIX), Term(-0.5, row, _ACCURACY), Term(-0.5, row, _AUX)),
            settled_by=settled_by,
        ),
        Claim(
            f"mean_keeps_corrupted{suffix}",
            f"On corrupted images the mean prediction of both branches has fewer errors than the average of the two{where}",
            "Split BatchNorms, Figure 3",
            (Term(0.5, row, _error("main")), Term(0.5, row, _error("aux")), Term(-1.0, row, _error("mix_0.5"))),
            settled_by=settled_by,
        ),
        Claim(
            f"main_sensitive_to_high{suffix}",
            f"High-frequency noise adds more errors to the main branch than to the auxiliary one{where}",
            "Split BatchNorms, Figure 4",
            _more(row, row, "fourier/main/high_error", "fourier/aux/high_error"),
            settled_by=settled_by,
        ),
    )


WEAK, STRONG = "split_bn/weak_augment", "split_bn/weak_augment_3_ops"
SPLIT = (
    Claim(
        "weak_beats_randaugment",
        "Weak Augment beats RandAugment alone",
        "Split BatchNorms, Table 3: 96.3, 95.8",
        _more(WEAK, "split_bn/randaugment"),
        paper=0.5,
        premises=("randaugment_helps",),
        settled_by=_PAPER_SIZE,
    ),
    Claim(
        "split_beats_one_norm",
        "Split BatchNorms beat one BatchNorm over the same two views",
        "Split BatchNorms, Table 3: 96.3, 96.1",
        _more(WEAK, "split_bn/weak_one_norm"),
        paper=0.2,
        settled_by="more seeds: the paper's difference is as large as the spread of its ten runs",
    ),
    Claim(
        "clean_main_does_not_help",
        "With clean images through the main branch RandAugment alone is better",
        "Split BatchNorms, Table 1, none: -1.6",
        _more("split_bn/randaugment", "split_bn/clean_main"),
        paper=1.6,
        premises=("randaugment_helps",),
        settled_by=_PAPER_SIZE,
    ),
    *_of_branches(WEAK, settled_by="views that differ more, as those of the claims that end in _3_ops"),
    *_of_branches(STRONG, "_3_ops", ", with RandAugment(3, 4) as in the paper"),
    Claim(
        "randaugment_uses_low",
        "Low-pass filtering costs a model trained with RandAugment less accuracy than one trained without augmentation",
        "Split BatchNorms, Figure 5",
        (
            *_more("split_bn/randaugment", "split_bn/randaugment", "low_pass/main/mean_accuracy", _ACCURACY),
            *_more("split_bn/clean_model", "split_bn/clean_model", _ACCURACY, "low_pass/main/mean_accuracy"),
        ),
        premises=("randaugment_helps",),
        settled_by=_PAPER_SIZE,
    ),
    Claim(
        "order_of_affinities",
        "Affinity decreases in the order flips, crops, AugMix, Cutout, RandAugment, Gaussian noise",
        "Split BatchNorms, Table 1",
        order=tuple(Term(1.0, "split_bn/clean_model", f"test/main/affinity/{name}") for name in AFFINITIES),
        paper=1.0,
    ),
)

_MIXUP, _LONGER = "revisited/mixup", "revisited/mixup_longer"
REVISITED = (
    Claim(
        "refining_lowers_loss",
        "Refinement lowers the loss on clean training images",
        "Data Augmentation Revisited, Table 2: 0.098 to 0.0024",
        _more(_MIXUP, _MIXUP, f"{_CLEAN}@train", f"{_CLEAN}@refine"),
    ),
    Claim(
        "refining_raises_accuracy",
        "Refinement raises accuracy",
        "Data Augmentation Revisited, Table 1, CIFAR-10: 95.92 to 96.26",
        _more(_MIXUP, _MIXUP, f"{_ACCURACY}@refine", f"{_ACCURACY}@train"),
        paper=0.34,
    ),
    Claim(
        "longer_mixup_lowers_loss_less",
        "Continuing Mixup for as many epochs leaves a higher loss on clean training images than refinement",
        "Data Augmentation Revisited, section 3; the control is ours",
        _more(_LONGER, _MIXUP, f"{_CLEAN}@refine"),
    ),
    Claim(
        "longer_mixup_is_worse",
        "Continuing Mixup for as many epochs ends with lower accuracy than refinement",
        "Data Augmentation Revisited, section 3; the control is ours",
        _more(_MIXUP, _LONGER, f"{_ACCURACY}@refine"),
    ),
)

_SHOWN_IN = "Consistent Normalization, Table 1 and Figure 1, ResNet-32"
CONSISTENT = (
    Claim(
        "bn_loses_by_copies",
        "BatchNorm over images and their small copies loses accuracy",
        f"{_SHOWN_IN}: 92.9, 89.7",
        _more("consistent/bn", "consistent/transformed_bn"),
        paper=3.2,
    ),
    Claim(
        "bn_loses_by_copies_sequential",
        "BatchNorm over images and then over their small copies loses accuracy",
        f"{_SHOWN_IN}: 92.9, 89.7, in the other reading of BN",
        _more("consistent/bn", "consistent/transformed_bn@sequential"),
        paper=3.2,
    ),
    Claim(
        "fixup_does_not_lose",
        "Without normalisation the small copies raise accuracy",
        f"{_SHOWN_IN}: 92.6, 92.1",
        _more("consistent/transformed_none", "consistent/none"),
        paper=0.5,
        settled_by="training the network without normalisation to convergence: here it is far behind the others",
    ),
    Claim(
        "cn_beats_bn",
        "Consistent Normalization beats BatchNorm over images and their small copies",
        f"{_SHOWN_IN}: 93.3, 89.7",
        _more("consistent/transformed_cn", "consistent/transformed_bn"),
        paper=3.6,
    ),
    Claim(
        "cn_beats_bn_sequential",
        "Consistent Normalization beats BatchNorm over images and then over their small copies",
        f"{_SHOWN_IN}: 93.3, 89.7, in the other reading of BN",
        _more("consistent/transformed_cn", "consistent/transformed_bn@sequential"),
        paper=3.6,
    ),
)

CLAIMS = (*BASELINE, *SPLIT, *REVISITED, *CONSISTENT)


def get_config(arg: str = "") -> ConfigDict:
    """Returns the config of 'table/row,key=value,...'."""
    return make_config(BASE, TABLES, arg)
