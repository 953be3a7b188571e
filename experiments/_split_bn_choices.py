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
        "'over 15 individual augmentation types', and the hyper-parameters of its paper (section 3); "
        "not which types, not their levels, and not the fill colour of uncovered pixels. RandAugment's "
        "paper lists 14 types",
        "16_ops_grey",
        "the 16 op types and the grey fill of the TPU code, in which RandAugment was released, with the "
        "implementation and levels of the Pillow code for CIFAR; nobody released this combination",
        {
            "14_ops": _replaced(there, r"randaugment(\1, \2, ops='paper_14')"),
            "mean_fill": _replaced(there, r"randaugment(\1, \2, fill='mean')"),
        },
    )


def _layers(there: Mapping[str, str]) -> Choice:
    return Choice(
        "N of RandAugment",
        "'two or three of these augmentations are applied' (section 3); no N for any network",
        "1_op",
        "the value that RandAugment's paper is remembered to give for this network; it contradicts that sentence",
        {"2_ops": _replaced(there, r"randaugment(2, \2)")},
    )


_NETWORK = Choice(
    "the Wide ResNet",
    "'WideResNet-28-2 and WideResNet-28-10' (section 3); not which implementation",
    "without_group_skips",
    "the TensorFlow code behind these numbers adds skip connections over whole groups; its Flax "
    "port found that they make no difference and left them out",
    {"group_skips": {"model.group_skips": True}},
)
_CROPS = Choice(
    "offsets of crops",
    "nothing",
    "0_to_8",
    "offsets 0 to 8, as in PyTorch; the TensorFlow code behind these numbers draws 0 to 7",
)
_NORMALISED = Choice(
    "normalisation of CIFAR-100",
    "nothing",
    "own_statistics",
    "CIFAR-100's own; the TensorFlow code uses CIFAR-10's for both data sets",
    {
        "cifar10_statistics": {
            "data.mean": (0.49139968, 0.48215841, 0.44653091),
            "data.std": (0.24703223, 0.24348513, 0.26158784),
        }
    },
)
ONE_NORM = Choice(
    "one BatchNorm over two batches",
    "'without separated BatchNorms' (Table 3); not whether the two batches go through it together "
    "or one after the other",
    "one_batch",
    "one BatchNorm means one concatenated batch of 2 x 128 images",
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
        "fixed_0.2": "taken literally, for pixel values from 0 to 1",
        "uniform_0.1": "sigmas drawn from [0, 0.1] reproduce the printed Affinity of -25.7; a fixed 0.2 is far stronger",
    }
    return Choice(
        "strength of Gaussian noise",
        "Gaussian with an unreadable number in Table 1, 'a strength of 0.2' in Table 4; not whether "
        "that is a fixed sigma or the maximum of a random one",
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
        "adversarial noise of AdvProp [32]; no settings",
        "pgd_1_of_1",
        "one step of epsilon 1/255 comes closest to the printed baseline",
        {"pgd_4_of_5": {f"views.{view}.augment": _ADVERSARIAL}},  # AdvProp's default
    )


ATTACKER = {(view,): _attacker(view) for view in ("main", "aux")}
