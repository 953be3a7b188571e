"""AutoAugment's levels as different codes read them: op and level -> argument, on images of a size. Numbers only.

`'released'` is the Pillow code's for CIFAR as it stands (`sbn.augment.levels`), in pixels of 32 x 32 images. `'scaled'`
moves larger images by the same share of their side. `'scaled_4_to_8'` lets Posterize keep 4 to 8 bits, more of them the
higher the level: the range that the paper prints (Cubuk et al. 2018), and how timm reads it for the ImageNet policy.
`'pytorch'` is the code that most PyTorch projects took (DeepVoltaire's): levels from 0 to 9, factors of 1 plus or minus
0.1 a level, translations up to 150 of 331 pixels.
"""

import functools
from collections.abc import Callable

from sbn.augment.levels import LEVELS, Argument, Levels

_Size = tuple[int, int]

# With a negative sign, in the PyTorch code alone, these take the factor of the negative level.
FACTORS = ("Color", "Contrast", "Brightness", "Sharpness")


def _moving(image_size: _Size, move: Callable[..., Argument]) -> Levels:
    """The translations, by `move(level, side)`."""
    height, width = image_size
    sides = {"TranslateX": width, "TranslateY": height}
    return {op: (functools.partial(move, side=side), f"pixels of {side}") for op, side in sides.items()}


def _in_proportion(level: float, side: int) -> int:
    return int(level * side / 32)


def _scaled(image_size: _Size) -> Levels:
    return {**LEVELS, **_moving(image_size, _in_proportion)}


def _four_to_eight_bits(level: float) -> int:
    return min(4 + int(level * 4 / 10), 8)


def _scaled_four_to_eight(image_size: _Size) -> Levels:
    return {**_scaled(image_size), "Posterize": (_four_to_eight_bits, "bits kept")}


def _pytorch_shear(level: float) -> float:
    return level * 0.3 / 9


def _pytorch_translate(level: float, side: int) -> float:
    return 150 / 331 * level / 9 * side


def _pytorch_rotate(level: float) -> float:
    return level * 30 / 9


def _pytorch_posterize(level: float) -> int:
    return max(round(8 - level * 4 / 9), 1)


def _pytorch_solarize(level: float) -> int:
    # Rounded up: the code compares whole levels with the fraction, and below 142.2 means below 143.
    return max(256 - int(level * 256 / 9), 0)


def _pytorch_factor(level: float) -> float:
    return 1 + level * 0.9 / 9


def _pytorch(image_size: _Size) -> Levels:
    return {
        **LEVELS,
        **_moving(image_size, _pytorch_translate),
        "Rotate": (_pytorch_rotate, "degrees"),
        "ShearX": (_pytorch_shear, "pixels a row"),
        "ShearY": (_pytorch_shear, "pixels a column"),
        "Posterize": (_pytorch_posterize, "bits kept"),
        "Solarize": (_pytorch_solarize, "threshold"),
        **dict.fromkeys(FACTORS, (_pytorch_factor, "factor")),
    }


# reading -> what makes its table of an image size (H, W)
READINGS: dict[str, Callable[[_Size], Levels]] = {
    "released": lambda image_size: LEVELS,
    "scaled": _scaled,
    "scaled_4_to_8": _scaled_four_to_eight,
    "pytorch": _pytorch,
}


def negative_argument(reading: str, op: str, level: float, *, table: Levels) -> Argument:
    """Returns the argument of an op at a level where its sign is negative, for catalogues to take as it is.

    That of the positive sign but for the factors of the PyTorch code: geometric ops turn theirs themselves.
    """
    return table[op][0](-level if reading == "pytorch" and op in FACTORS else level)
