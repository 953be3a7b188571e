"""Config keys of semantic segmentation."""

import functools

from sbn.config.key import Key

_Key = functools.partial(Key, tasks=("segmentation",))

SEGMENTATION_KEYS = (
    _Key("eval.masks.examples", "int", 6, "Test images whose classes of pixels are drawn, evenly spread.", low=1),
    _Key(
        "segmentation.output_stride",
        "int",
        8,
        "Ratio of image size to feature map size in the last stage. Below 32, dilated convolutions replace the strides of the last stages.",
        choices=(32, 16, 8),
    ),
    _Key(
        "segmentation.auxiliary",
        "float",
        0.4,
        "Weight of the loss of the auxiliary head on stage 3.",
        low=0,
        per_stage=True,
    ),
    _Key("segmentation.dropout", "float", 0.1, "Channel dropout rate in the heads.", low=0, high=0.99),
    _Key(
        "segmentation.head",
        "str",
        "conv",
        "Main head. conv: a 3x3 convolution with normalisation, then the classifier (PSPNet without its pooling). aspp: the sum of four 3x3 classifiers with dilations 6, 12, 18 and 24 (DeepLab-v2).",
        choices=("conv", "aspp"),
    ),
    _Key(
        "segmentation.tile",
        "int",
        None,
        "Evaluate larger images in overlapping square tiles of this side in pixels (overlap: one third), and average the predictions. None: whole images.",
        optional=True,
        low=8,
    ),
    _Key(
        "segmentation.own_size",
        "bool",
        False,
        "Evaluate at the size of each label image: resize the scores, not the label image. False: at the size that eval.augment gives. For images that are read from their files.",
    ),
    _Key(
        "segmentation.align_corners",
        "bool",
        True,
        "How to resize logits to the image size. True: align the centres of the corner pixels (PSPNet). False: align the image borders.",
    ),
)
