"""RandAugment's op lists: names only, shared by the host and the device path.

Cubuk et al. 2019 (arXiv 1909.13719), figure 2, and the lists of the code released with it, with UDA and with FixMatch.
"""

PAPER_14 = (
    "Identity",
    "AutoContrast",
    "Equalize",
    "Rotate",
    "Solarize",
    "Color",
    "Posterize",
    "Contrast",
    "Brightness",
    "Sharpness",
    "ShearX",
    "ShearY",
    "TranslateX",
    "TranslateY",
)
TF_TPU_16 = (
    "AutoContrast",
    "Equalize",
    "Invert",
    "Rotate",
    "Posterize",
    "Solarize",
    "Color",
    "Contrast",
    "Brightness",
    "Sharpness",
    "ShearX",
    "ShearY",
    "TranslateX",
    "TranslateY",
    "Cutout",
    "SolarizeAdd",
)
UDA_CIFAR_15 = (
    "Invert",
    "Cutout",
    "Sharpness",
    "AutoContrast",
    "Posterize",
    "ShearX",
    "TranslateX",
    "TranslateY",
    "ShearY",
    "Rotate",
    "Equalize",
    "Contrast",
    "Color",
    "Solarize",
    "Brightness",
)
FIXMATCH_IMAGENET_16 = (
    "AutoContrast",
    "Equalize",
    "Invert",
    "Rotate",
    "Posterize",
    "Solarize",
    "Color",
    "Contrast",
    "Brightness",
    "Sharpness",
    "ShearX",
    "ShearY",
    "TranslateX",
    "TranslateY",
    "SolarizeAdd",
    "Identity",
)

# A drawn number is an index into one of these, so the order of the names is part of the random stream.
OP_LISTS: dict[str, tuple[str, ...]] = {
    "tf_tpu_16": TF_TPU_16,
    "paper_14": PAPER_14,
    "uda_cifar_15": UDA_CIFAR_15,
    "fixmatch_imagenet_16": FIXMATCH_IMAGENET_16,
}

# AugMix (Hendrycks et al. 2020, arXiv 1912.02781): the default list, and the one with the four ops that overlap with
# the corruption benchmarks. A drawn number is an index here too.
AUGMIX_9 = (
    "AutoContrast",
    "Equalize",
    "Posterize",
    "Rotate",
    "Solarize",
    "ShearX",
    "ShearY",
    "TranslateX",
    "TranslateY",
)
AUGMIX_13 = (*AUGMIX_9, "Color", "Contrast", "Brightness", "Sharpness")

GEOMETRY = ("Rotate", "ShearX", "ShearY", "TranslateX", "TranslateY")

# Every op whose argument flips its sign with probability 1/2, drawn anew per application.
SIGNED = frozenset(GEOMETRY)

# The released AutoAugment code takes an image through RGB for these, where pixels uncovered before become real ones.
OPAQUE = frozenset(("Equalize", "AutoContrast", "Invert", "Posterize", "Solarize"))
