"""AutoAugment and TrivialAugment one image at a time, as their released code does it: on Pillow's RGBA images."""

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from sbn.augment.levels import argument
from sbn.augment.policies import SIGNED, SUBPOLICIES
from tests.oracles.image_ops import hole, policy_op

_THROUGH_RGB = {
    "Invert": lambda image, v: ImageOps.invert(image),
    "Equalize": lambda image, v: ImageOps.equalize(image),
    "AutoContrast": lambda image, v: ImageOps.autocontrast(image),
    "Posterize": lambda image, v: ImageOps.posterize(image, v),
    "Solarize": lambda image, v: ImageOps.solarize(image, v),
}
_AFFINE = {
    "ShearX": lambda v: (1, v, 0, 0, 1, 0),
    "ShearY": lambda v: (1, 0, 0, v, 1, 0),
    "TranslateX": lambda v: (1, 0, v, 0, 1, 0),
    "TranslateY": lambda v: (1, 0, 0, 0, 1, v),
}
# The authors' 14 ops in their order, with the range of each: level 0 and level 30.
TRIVIAL = {
    "Identity": None,
    "AutoContrast": None,
    "Equalize": None,
    "Rotate": (0, 135),
    "Solarize": (256, 0),
    "Color": (0.01, 2.0),
    "Posterize": (8, 2),
    "Contrast": (0.01, 2.0),
    "Brightness": (0.01, 2.0),
    "Sharpness": (0.01, 2.0),
    "ShearX": (0.0, 0.99),
    "ShearY": (0.0, 0.99),
    "TranslateX": (0, 32),
    "TranslateY": (0, 32),
}


def opaque(alpha):
    """Every pixel an image pixel; labels of a mask stay, which Pillow's alpha would not."""
    return np.where(alpha == 0, 255, alpha).astype(np.uint8)


def transparent_op(rgba, name, value, row, column):
    """One op of the CIFAR code on (H, W, 4): uncovered pixels are transparent, five ops make all pixels opaque."""
    image = Image.fromarray(rgba)
    if name == "Identity":
        return rgba
    if name == "Cutout":
        return hole(rgba, row, column, value, 0)
    if name in _THROUGH_RGB:
        image = np.dstack([_THROUGH_RGB[name](image.convert("RGB"), value), opaque(rgba[..., 3])])
    elif name == "Rotate":
        image = image.rotate(value)
    elif name in _AFFINE:
        image = image.transform(image.size, Image.Transform.AFFINE, _AFFINE[name](value))
    else:
        image = getattr(ImageEnhance, name)(image).enhance(value)
    return np.asarray(image)


def _apply(image, name, value, row, column, fill):
    if fill == "mean":
        return transparent_op(image, name, value, row, column)
    return policy_op(image, name, value, row, column, fill)


def autoaugment(image, op, bits):
    sub_policies = SUBPOLICIES[op.policy]
    height, width = image.shape[:2]
    for step, (name, probability, level) in enumerate(sub_policies[int(bits[0]) * len(sub_policies) >> 32]):
        happens, sign, row, column = (int(b) for b in bits[1 + 4 * step : 5 + 4 * step])
        if (happens >> 8) / 2**24 >= probability:
            continue
        value = level_argument(op.levels, name, level, sign >> 31, height, width)
        image = _apply(image, name, value, row * height >> 32, column * width >> 32, op.fill)
    return image


# DeepVoltaire's magnitudes as that code writes them, and the fields that are not the released code's elsewhere
_LINES = {
    "ShearX": np.linspace(0, 0.3, 10),
    "ShearY": np.linspace(0, 0.3, 10),
    "TranslateX": np.linspace(0, 150 / 331, 10),
    "TranslateY": np.linspace(0, 150 / 331, 10),
    "Rotate": np.linspace(0, 30, 10),
    "Posterize": np.round(np.linspace(8, 4, 10)).astype(int),
    "Solarize": np.linspace(256, 0, 10),
    **dict.fromkeys(("Color", "Contrast", "Brightness", "Sharpness"), np.linspace(0, 0.9, 10)),
}


def level_argument(levels, name, level, negative, height, width):
    """The signed argument of a step of AutoAugment."""
    side = {"TranslateX": width, "TranslateY": height}.get(name)
    if levels == "pytorch" and name in _LINES:
        value = _LINES[name][level].item()
        if name in ("Color", "Contrast", "Brightness", "Sharpness"):
            return 1 - value if negative else 1 + value
        value *= side or 1
    elif levels.startswith("scaled") and side:
        value = level * side // 32
    elif levels == "scaled_4_to_8" and name == "Posterize":
        return 4 + level * 4 // 10
    else:
        value = argument(name, level)
    return -value if name in SIGNED and negative else value


def trivialaugment(image, op, bits):
    which, level, sign = (int(b) for b in bits)
    name, level = list(TRIVIAL)[which * 14 >> 32], level * 31 >> 32
    value = None
    if TRIVIAL[name] is not None:
        start, end = TRIVIAL[name]
        way = level * abs(end - start) / 30
        # whole-number ranges move in whole steps, each truncated
        value = start + (1 if end > start else -1) * (int(way) if isinstance(end, int) else way)
        value = -value if name in SIGNED and sign >> 31 else value
    return _apply(image, name, value, 0, 0, op.fill)
