"""What a level means: op and level -> argument. Numbers only, shared by both data paths.

`LEVELS` is for RandAugment and AutoAugment on the scale from 0 to 10, `WIDE` for TrivialAugment on that from 0 to 30.
`AUTOAUGMENT_LEVELS` has the ways in which different codes read AutoAugment's levels, `TF_RANDAUGMENT` and
`TF_AUTOAUGMENT` are the TensorFlow code's.

The formulas of `LEVELS` are those of the Pillow code released with AutoAugment for CIFAR (Cubuk et al. 2018, arXiv
1805.09501): `int(level * maximum / 10)`, unclipped, so that levels above 10 go on growing. Posterize and Solarize would
leave their range there and are clamped. SolarizeAdd, which that code lacks, has the formula of RandAugment's TensorFlow
code.
"""

import functools
from collections.abc import Callable

from sbn.config.errors import unknown


def _identity(level: float) -> None:
    return None


def _enhance(level: float) -> float:
    return level * 1.8 / 10 + 0.1  # 1.0, which changes nothing, at level 5


def _shear(level: float) -> float:
    return level * 0.3 / 10


def _rotate(level: float) -> int:
    return int(level * 30 / 10)


def _translate(level: float) -> int:
    return int(level * 10 / 10)


def _posterize(level: float) -> int:
    return min(max(4 - int(level * 4 / 10), 1), 8)


def _solarize(level: float) -> int:
    return min(max(256 - int(level * 256 / 10), 0), 256)


def _solarize_add(level: float) -> int:
    return int(level * 110 / 10)


def _cutout(level: float) -> int:
    return int(level * 20 / 10)


Argument = int | float | None
Levels = dict[str, tuple[Callable[[float], Argument], str]]

# op -> (argument at a level, its unit as printed to people)
LEVELS: Levels = {
    "Identity": (_identity, ""),
    "AutoContrast": (_identity, ""),
    "Equalize": (_identity, ""),
    "Invert": (_identity, ""),
    "Rotate": (_rotate, "degrees"),
    "ShearX": (_shear, "pixels a row"),
    "ShearY": (_shear, "pixels a column"),
    "TranslateX": (_translate, "pixels"),
    "TranslateY": (_translate, "pixels"),
    "Posterize": (_posterize, "bits kept"),
    "Solarize": (_solarize, "threshold"),
    "SolarizeAdd": (_solarize_add, "added below 128"),
    "Color": (_enhance, "factor"),
    "Contrast": (_enhance, "factor"),
    "Brightness": (_enhance, "factor"),
    "Sharpness": (_enhance, "factor"),
    "Cutout": (_cutout, "pixels, full side"),
}


def _wide_enhance(level: float) -> float:
    return level * (2.0 - 0.01) / 30 + 0.01


def _wide_shear(level: float) -> float:
    return level * 0.99 / 30


def _wide_rotate(level: float) -> int:
    return int(level * 135 / 30)


def _wide_translate(level: float) -> int:
    return int(level * 32 / 30)


def _wide_posterize(level: float) -> int:
    return 8 - int(level * 6 / 30)


def _wide_solarize(level: float) -> int:
    return 256 - int(level * 256 / 30)


# The wide space of TrivialAugment (Müller and Hutter 2021, arXiv 2103.10158) in the authors' code.
WIDE: Levels = {
    "Identity": (_identity, ""),
    "AutoContrast": (_identity, ""),
    "Equalize": (_identity, ""),
    "Rotate": (_wide_rotate, "degrees"),
    "Solarize": (_wide_solarize, "threshold"),
    "Color": (_wide_enhance, "factor"),
    "Posterize": (_wide_posterize, "bits kept"),
    "Contrast": (_wide_enhance, "factor"),
    "Brightness": (_wide_enhance, "factor"),
    "Sharpness": (_wide_enhance, "factor"),
    "ShearX": (_wide_shear, "pixels a row"),
    "ShearY": (_wide_shear, "pixels a column"),
    "TranslateX": (_wide_translate, "pixels"),
    "TranslateY": (_wide_translate, "pixels"),
}


def argument(op: str, level: float, *, table: Levels = LEVELS) -> Argument:
    """Returns the (unsigned) argument of `op` at `level`, or None where the op has none.

    Args:
        op: one of the names in the table.
        level: at least 0; the nominal maximum (10, or 30 of `WIDE`) is not enforced.
        table: what a level means.

    Raises:
        ValueError: unknown op or negative level.
    """
    if op not in table:
        raise unknown("op", op, table)
    if not level >= 0:
        raise ValueError(f"level of {op} is {level!r}; it must be at least 0")
    return table[op][0](level)


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
AUTOAUGMENT_LEVELS: dict[str, Callable[[_Size], Levels]] = {
    "released": lambda image_size: LEVELS,
    "scaled": _scaled,
    "scaled_4_to_8": _scaled_four_to_eight,
    "pytorch": _pytorch,
}


def negative_argument(reading: str, op: str, level: float, *, table: Levels) -> Argument:
    """Returns the argument of an op at a level where its sign is negative, for policies to take as it is.

    That of the positive sign but for the factors of the PyTorch code: geometric ops turn theirs themselves.
    """
    return table[op][0](-level if reading == "pytorch" and op in FACTORS else level)


def make_levels(*, translate: int, cutout: int) -> Levels:
    """Returns the table of a policy: maximal translation in pixels, maximal half side of Cutout in pixels."""

    def nothing(level: float) -> None:
        return None

    def rotate(level: float) -> float:
        return level / 10 * 30

    def shear(level: float) -> float:
        return level / 10 * 0.3

    def move(level: float) -> float:
        return level / 10 * translate

    def posterize(level: float) -> int:
        return min(max(int(level / 10 * 4), 1), 8)

    def solarize(level: float) -> int:
        return min(int(level / 10 * 256), 256)

    def solarize_add(level: float) -> int:
        return int(level / 10 * 110)

    def enhance(level: float) -> float:
        return level / 10 * 1.8 + 0.1

    def hole(level: float) -> int:
        return 2 * int(level / 10 * cutout)

    return {
        "Identity": (nothing, ""),
        "AutoContrast": (nothing, ""),
        "Equalize": (nothing, ""),
        "Invert": (nothing, ""),
        "Rotate": (rotate, "degrees"),
        "ShearX": (shear, "pixels a row"),
        "ShearY": (shear, "pixels a column"),
        "TranslateX": (move, "pixels"),
        "TranslateY": (move, "pixels"),
        "Posterize": (posterize, "bits kept"),
        "Solarize": (solarize, "threshold"),
        "SolarizeAdd": (solarize_add, "added below 128"),
        "Color": (enhance, "factor"),
        "Contrast": (enhance, "factor"),
        "Brightness": (enhance, "factor"),
        "Sharpness": (enhance, "factor"),
        "Cutout": (hole, "pixels, full side"),
    }


TF_RANDAUGMENT = make_levels(translate=100, cutout=40)
TF_AUTOAUGMENT = make_levels(translate=250, cutout=100)
