"""What *Does Data Augmentation Benefit from Split BatchNorms?* leaves open, and the readings of it."""

import re
from collections.abc import Mapping
from typing import Any

from sbn.config.rows import Choice

_RANDAUGMENT = re.compile(r"randaugment\((\d+), (\d+)\)")
_ADVERSARIAL = "crop(4)|flip|adversarial(4, 1, 5)"


def of_cifar(changes: Mapping[str, Any]) -> tuple[Choice, ...]:
    """What is open in a row on CIFAR, by all that it changes in the defaults."""
    choices = [_NETWORK, _CROPS]
    if changes["data.name"] == "cifar100":
        choices.append(_NORMALISED)
    keys = [f"views.{view}.augment" for view in changes["branches"]]
    there = {key: changes[key] for key in keys if _RANDAUGMENT.search(changes[key])}
    if there:
        choices.append(_randaugment(there))
    if any("randaugment(1," in text for text in there.values()):
        choices.append(_layers(there))
    return tuple(choices)


def _replaced(there: Mapping[str, str], form: str) -> dict[str, Any]:
    return {key: _RANDAUGMENT.sub(form, text) for key, text in there.items()}


def _randaugment(there: Mapping[str, str]) -> Choice:
    return Choice(
        "RandAugment on CIFAR",
        "'over 15 individual augmentation types', and the hyper-parameters of its paper (section 3); neither which, nor "
        "their levels, nor what uncovered pixels become. RandAugment's paper lists 14",
        "16_ops_grey",
        "the 16 ops and the grey fill of the TPU code, where RandAugment was released, with the ops and levels of the "
        "Pillow code for CIFAR: a hybrid that nobody released",
        {
            "14_ops": _replaced(there, r"randaugment(\1, \2, ops='paper_14')"),
            "mean_fill": _replaced(there, r"randaugment(\1, \2, fill='mean')"),
        },
    )


def _layers(there: Mapping[str, str]) -> Choice:
    return Choice(
        "N of RandAugment",
        "'two or three of these augmentations are applied' (section 3), and no N of any network",
        "1_op",
        "remembered as the value of RandAugment's paper for this network, against the sentence above",
        {"2_ops": _replaced(there, r"randaugment(2, \2)")},
    )


_NETWORK = Choice(
    "the Wide ResNet",
    "'WideResNet-28-2 and WideResNet-28-10' (section 3), and not by whose code",
    "without_group_skips",
    "the TensorFlow code that the numbers descend from adds further skips over whole groups; its Flax port found them "
    "harmless and left them out",
    {"group_skips": {"model.group_skips": True}},
)
_CROPS = Choice(
    "offsets of crops",
    "nothing",
    "0_to_8",
    "both ends of the padding, as PyTorch has it; the TensorFlow code that the numbers descend from draws 0 to 7",
)
_NORMALISED = Choice(
    "normalisation of CIFAR-100",
    "nothing",
    "own_statistics",
    "those of CIFAR-100; the TensorFlow code takes CIFAR-10's for both",
    {
        "cifar10_statistics": {
            "data.mean": (0.49139968, 0.48215841, 0.44653091),
            "data.std": (0.24703223, 0.24348513, 0.26158784),
        }
    },
)
ONE_NORM = Choice(
    "one BatchNorm over two batches",
    "'without separated BatchNorms' (Table 3), and not how the two batches pass",
    "one_batch",
    "the concatenated batch of 2 x 128 images is what one BatchNorm is",
    {"sequential": {"norm.sequential": True}},
)


def gaussian(views: tuple[str, ...], before: str, *, taken: str) -> Choice:
    """How strong Gaussian noise is: one phrase in two tables."""
    forms = {
        "fixed_0.2": f"{before}|gaussian(0.2)",
        "uniform_0.2": f"{before}|gaussian(0.2, 'uniform')",
        "uniform_0.1": f"{before}|gaussian(0.1, 'uniform')",
    }
    why = {
        "fixed_0.2": "the words as they stand, on pixels from 0 to 1",
        "uniform_0.1": "the printed Affinity of -25.7 is that of sigmas drawn from [0, 0.1]: a fixed 0.2 is far stronger",
    }
    return Choice(
        "strength of Gaussian noise",
        "Gaussian with a number that is lost in Table 1, 'a strength of 0.2' in Table 4: fixed, or the largest of what "
        "is drawn",
        taken,
        why[taken],
        {
            name: {f"views.{view}.augment": form for view in views}
            for name, form in forms.items()
            if name != taken and (taken, name) != ("fixed_0.2", "uniform_0.1")
        },
    )


def _attacker(view: str) -> Choice:
    return Choice(
        "attacker",
        "adversarial noise of AdvProp [32], and no settings",
        "pgd_1_of_1",
        "epsilon 1/255 in one step fits the printed baseline best",
        {"pgd_4_of_5": {f"views.{view}.augment": _ADVERSARIAL}},  # AdvProp's default
    )


ATTACKER = {(view,): _attacker(view) for view in ("main", "aux")}
