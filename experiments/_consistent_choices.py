"""What *Consistent Normalization* leaves open in its image tables, and the readings of it."""

import re
from collections.abc import Mapping
from typing import Any

from sbn.config.rows import Choice

GPUS = "'All models are trained with 8 NVIDIA V100 GPUs' (section 5); it does not say whether statistics span the GPUs"


def of_cifar(changes: Mapping[str, Any], base: Mapping[str, Any]) -> tuple[Choice, ...]:
    """What is open in a row of Table 1, by what the row changes in the base."""
    kind = changes.get("norm.kind")
    choices = [_border({key: value for key, value in {**base, **changes}.items() if key.endswith(".augment")})]
    if kind == "none" and "branches" in changes:
        choices.append(_AUGMENTED_SET)
    if kind != "none" and changes.get("norm.layer") is None:
        why = "128 images on 8 GPUs without synchronisation, as the ImageNet rows have it"
        choices.append(Choice("statistics", GPUS, "groups_of_16", why, {"whole_batch": {"norm.group_size": None}}))
    return (*choices, ONE_BATCH) if kind == "shared" else tuple(choices)


ONE_BATCH = Choice(
    "BN of several copies",
    "'for ordinary normalization methods (Equation 1), all input ... share the same normalization parameters' (4.2), x and "
    "x^t are normalised 'as a whole' (4.1); but Algorithm 1 without its line 8 takes the copies one after the other, "
    "and Figure 3a has both 'normalized into nearly the same distribution', as only statistics of their own would",
    "one_batch",
    "section 4.2 and equation 1 define BN; in small runs most of CN's advantage comes from the other reading",
    {"sequential": {"norm.sequential": True}},
)

_AUGMENTED_SET = Choice(
    "the augmented data set",
    "'We firstly augment CIFAR-10 dataset' (section 3): twice the images; the sum of losses, one for each transform, "
    "with a factor of 1 each, comes with CN (4.2, section 5)",
    "augmented_set",
    "section 3 describes this network's training: batches of 128 images, 64 images and their small "
    "copies, and the mean of the losses, so an epoch has twice as many steps",
    {"summed_losses": {"batch_size": 128, "views.main.weight": 1.0, "views.shrunk.weight": 1.0}},
)


def _border(pipelines: Mapping[str, str]) -> Choice:
    mean = {key: text.replace("crop(4, fill=0)", "crop(4)") for key, text in pipelines.items()}
    return Choice(
        "border of crops",
        "of crops only 'popular protocol' (section 1); every T_k is a function of the same x (4.2), and "
        "small copies are padded 'with zero' (section 3)",
        "black_border",
        "both copies of an image have the same border as the small copies",
        {"mean_border": mean},
    )


def of_imagenet(changes: Mapping[str, Any]) -> tuple[Choice, ...]:
    """What is open in a row on ImageNet, by what it changes in the base."""
    code = (
        "the code of Switchable Normalization, which shares authors, does so, with these epochs and this learning rate"
    )
    plain = {key: re.sub(r"\|?lighting", "", text) for key, text in changes.items() if key.endswith(".augment")}
    choices = (
        Choice("lighting", "nothing of colours", "pca_lighting", code, {"no_lighting": plain}),
        Choice(
            "scale of a block's last normalisation",
            "nothing",
            "zero_last_scale",
            code,
            {"last_scale_of_one": {"model.zero_last_scale": False}},
        ),
        Choice("statistics", GPUS, "groups_of_32", "256 images on 8 GPUs", {"whole_batch": {"norm.group_size": None}}),
    )
    return (*choices, ONE_BATCH) if changes.get("norm.sequential") is False else choices
