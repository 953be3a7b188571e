"""What a RandAugment or AutoAugment level means: op and level -> argument. Numbers only, shared by both data paths.

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


# op -> (argument at a level, its unit as printed to people)
LEVELS: dict[str, tuple[Callable[[float], int | float | None], str]] = {
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


def argument(op: str, level: float) -> int | float | None:
    """Returns the (unsigned) argument of `op` at `level`, or None where the op has none.

    Args:
        op: one of the names in `LEVELS`.
        level: at least 0; 10 is the nominal maximum and is not enforced.

    Raises:
        ValueError: unknown op or negative level.
    """
    if op not in LEVELS:
        raise unknown("op", op, LEVELS)
    if not level >= 0:
        raise ValueError(f"level of {op} is {level!r}; it must be at least 0")
    return LEVELS[op][0](level)
