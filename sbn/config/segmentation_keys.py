"""The keys of semantic segmentation."""

import functools

from sbn.config.key import Key

_Key = functools.partial(Key, tasks=("segmentation",))

SEGMENTATION_KEYS = (
    _Key(
        "segmentation.output_stride",
        "int",
        8,
        "Pixels of the image to one of the last stage's map; below 32 the last stages look further apart instead.",
        choices=(32, 16, 8),
    ),
    _Key(
        "segmentation.auxiliary",
        "float",
        0.4,
        "Weight of the loss of the auxiliary head, on stage 3.",
        low=0,
        per_stage=True,
    ),
    _Key("segmentation.dropout", "float", 0.1, "Share of channels dropped in the heads.", low=0, high=0.99),
    _Key(
        "segmentation.head",
        "str",
        "conv",
        "The main head: conv, a 3x3 convolution with normalisation before the one that names classes (PSPNet's, without its pooling); aspp, four 3x3 convolutions to the classes that look 6, 12, 18 and 24 apart, added up (DeepLab-v2).",
        choices=("conv", "aspp"),
    ),
    _Key(
        "segmentation.tile",
        "int",
        None,
        "Evaluate larger images in square tiles of this side, which overlap by a third, and average what they say; None: as they are.",
        optional=True,
        low=8,
    ),
    _Key(
        "segmentation.align_corners",
        "bool",
        True,
        "Logits grow to the size of the image with the middles of its corners in place (PSPNet), or its borders.",
    ),
)
