"""What a level means in the TensorFlow code released with AutoAugment and RandAugment for ImageNet on TPUs.

Beside the Pillow code of `sbn.augment.levels`: Posterize and Solarize get weaker with the level instead of stronger,
rotations are not cut to whole degrees, and translations and Cutout are in pixels of 224 x 224 images with constants of
the policy: 250 and 100 in AutoAugment, 100 and 40 in RandAugment, so that smaller images may be moved out of sight.
Where that code leaves an op's range its own runtime decided: posterising to 0 or more than 8 bits kept one, a
threshold of 256 or more was taken modulo 256. Here bits are held in 1..8 and thresholds in 0..256.
"""

from sbn.augment.levels import Levels


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
