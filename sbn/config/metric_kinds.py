"""What the values of a metric are: fractions or not, and whether high or low is better.

A metric's name is 'split/branch/METRIC[/detail]', and METRIC says it. The table has those of the papers; of any other
name the last word decides (`count_error`: low, `dice_score`: high). Where no name says it, a row's `Paper` can.
"""

import dataclasses
from typing import Final


@dataclasses.dataclass(frozen=True)
class MetricKind:
    """What the values of a metric are.

    Attributes:
        higher_is_better: None where neither is.
        fraction: whether runs hold values from 0 to 1 that are shown in percent.
    """

    higher_is_better: bool | None = None
    fraction: bool = False


_TABLE: Final = {
    **dict.fromkeys(
        (
            "accuracy",
            "top5_accuracy",
            "mean_accuracy",
            "map",
            "map_area",
            "ap",
            "coco_map",
            "coco_map_50",
            "coco_map_75",
            "coco_map_small",
            "coco_map_medium",
            "coco_map_large",
            "coco_recall",
            "coco_ap",
            "miou",
            "iou",
            "pixel_accuracy",
            "class_accuracy",
            "exact_match",
        ),
        MetricKind(True, True),
    ),
    **dict.fromkeys(("bleu", "bleu_tokenised", "bleu_compound", "overlap"), MetricKind(True)),
    **dict.fromkeys(
        ("error", "mean_error", "low_error", "high_error", "uce", "mce", "relative_mce"), MetricKind(False, True)
    ),
    **dict.fromkeys(("loss", "cross_entropy", "wasserstein"), MetricKind(False)),
    **dict.fromkeys(("ce", "relative_ce", "affinity"), MetricKind(None, True)),
}
_HIGHER: Final = ("accuracy", "precision", "recall", "score", "iou", "auc")
_LOWER: Final = ("error", "loss", "entropy", "perplexity")
_WORDS: Final = dict.fromkeys(_HIGHER, MetricKind(True)) | dict.fromkeys(_LOWER, MetricKind(False))


def kind_of(metric: str) -> MetricKind:
    """Returns what the name of a metric, 'split/branch/METRIC[/detail]' or METRIC, says of its values."""
    name = base_name(metric)
    if name.endswith("_accuracy"):
        return MetricKind(True, True)
    return _TABLE.get(name) or _WORDS.get(name.rpartition("_")[2]) or MetricKind()


def base_name(metric: str) -> str:
    """Returns METRIC of 'split/branch/METRIC[/detail]'."""
    return metric.split("/")[:3][-1]
