"""What *Data Augmentation Revisited* leaves open, and the readings of it."""

from collections.abc import Mapping
from typing import Any

from sbn.config.rows import Choice


def policy(changes: Mapping[str, Any]) -> tuple[Choice, ...]:
    """How AutoAugment's levels are read, in rows of which a view has a policy."""
    there = {key: text for key, text in changes.items() if key.endswith(".augment") and "autoaugment(" in text}
    if not there:
        return ()
    imagenet = any("scaled_4_to_8" in text for text in there.values())
    own = "levels='scaled_4_to_8'" if imagenet else "levels='scaled'"
    why = "translations are the same fraction of the image side as in the policy search, at any image size"
    if imagenet:
        why += ", and Posterize keeps 4 to 8 bits, as AutoAugment's paper prints"
    return (
        Choice(
            "levels of AutoAugment",
            "'we directly use the AutoAugment policies reported in [8]' (4.1), which prints 25 "
            "sub-policies, but neither what their levels mean in pixels nor the fill colour (grey here); "
            "'using PyTorch' (4.1)",
            "scaled_4_to_8" if imagenet else "scaled",
            why,
            {"pytorch": {key: text.replace(own, "levels='pytorch'") for key, text in there.items()}},
        ),
    )


def rate(taken: str, *others: str) -> Choice:
    """The learning rate of the second stage, after a cosine that ends at 0."""
    why = "1 % of the first rate" if taken == "1e-4" else "the rate of PreActResNet-18, which uses a step schedule"
    return Choice(
        "rate of refinement",
        "after cosine decay 'the learning is adjusted to a reasonably small value' (4.1)",
        f"rate_{taken}",
        why,
        {f"rate_{value}": {"stage.refine.optim.lr": float(value)} for value in others},
    )


def gpus(count: int, share: int) -> Choice:
    """Statistics of a GPU's share of the batch."""
    return Choice(
        "statistics",
        f"trained 'on {count} GPUs'; it does not say whether statistics span the GPUs",
        f"groups_of_{share}",
        "PyTorch does not synchronise BatchNorm by default",
        {"whole_batch": {"norm.group_size": None}},
    )


STEM = Choice(
    "stem on Tiny-ImageNet",
    "PreActResNet-18 for images of 64 x 64 pixels; its first convolution is not described",
    "stem_stride_1",
    "the same network as in the CIFAR rows",
    {"stem_stride_2": {"model.stem_stride": 2}},  # as Manifold Mixup's code has it
)
