"""What a level means: op and level -> argument. Numbers only, shared by both data paths.

`LEVELS` is for RandAugment and AutoAugment on the scale from 0 to 10, `WIDE` for TrivialAugment on that from 0 to 30.

The formulas are those of the Pillow code released with AutoAugment for CIFAR (Cubuk et al. 2018, arXiv 1805.09501):
`int(level * maximum / 10)`, unclipped, so that levels above 10 go on growing. Posterize and Solarize, which would leave
their range there, are clamped. SolarizeAdd, which that code lacks, has the formula of RandAugment's TensorFlow code.
"""

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
