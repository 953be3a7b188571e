"""From errors on corrupted images to uCE, CE, mCE and relative mCE (Hendrycks and Dietterich 2019).

The unnormalised corruption error, uCE, is what Split BatchNorms gives for CIFAR-10-C: the mean over the 15 types of the
benchmark and their 5 severities. ImageNet-C's are relative to AlexNet's errors.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

SEVERITIES: Final = (1, 2, 3, 4, 5)

# The types that enter uCE and mCE, in the order of the benchmark; four more are for validation and never do.
BENCHMARK: Final = (
    "gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "snow",
    "frost", "fog", "brightness", "contrast", "elastic_transform", "pixelate", "jpeg_compression",
)  # fmt: skip

# AlexNet's top-1 errors at severities 1 to 5, and on the validation images as they are (rounded): README of
# hendrycks/robustness, late-2019 revision.
ALEXNET: Final[Mapping[str, tuple[float, ...]]] = {
    "gaussian_noise": (0.69528, 0.82542, 0.93554, 0.98138, 0.99452),
    "shot_noise": (0.71224, 0.85108, 0.93574, 0.98182, 0.99146),
    "impulse_noise": (0.78374, 0.89808, 0.94870, 0.98720, 0.99548),
    "defocus_blur": (0.65624, 0.73202, 0.85036, 0.91364, 0.94714),
    "glass_blur": (0.64308, 0.75054, 0.88806, 0.91622, 0.93344),
    "motion_blur": (0.58430, 0.70048, 0.82108, 0.89750, 0.92638),
    "zoom_blur": (0.70008, 0.76992, 0.80784, 0.84198, 0.87198),
    "snow": (0.71726, 0.88392, 0.86468, 0.91870, 0.94952),
    "frost": (0.61390, 0.79734, 0.88790, 0.89942, 0.93430),
    "fog": (0.67474, 0.76050, 0.84378, 0.87260, 0.94500),
    "brightness": (0.45140, 0.48502, 0.54048, 0.62166, 0.72440),
    "contrast": (0.64548, 0.76150, 0.88874, 0.97760, 0.99270),
    "elastic_transform": (0.52596, 0.70116, 0.55686, 0.64076, 0.80554),
    "pixelate": (0.52218, 0.54620, 0.73728, 0.87092, 0.91262),
    "jpeg_compression": (0.51002, 0.54718, 0.57294, 0.65458, 0.74778),
    "speckle_noise": (0.66192, 0.74440, 0.90246, 0.94548, 0.97268),
    "gaussian_blur": (0.54732, 0.70444, 0.82574, 0.89864, 0.95940),
    "spatter": (0.47196, 0.62194, 0.75052, 0.84132, 0.90182),
    "saturate": (0.59342, 0.65514, 0.51174, 0.70834, 0.82260),
}
ALEXNET_CLEAN: Final = 0.435


def corruption_errors(
    errors: np.ndarray, kinds: Sequence[str], severities: Sequence[int], *, clean: float, anchored: bool
) -> dict[str, float]:
    """Returns the numbers of one prediction, all as fractions, by name.

    `error` is the mean over all types and severities there are, `error/KIND` that over the severities of one, and
    `error/KIND_SEVERITY` a single one. `uce` is there only if all of the benchmark is. So are, if `anchored`, `mce` and
    `relative_mce`, the means of `ce/KIND` and `relative_ce/KIND` over the benchmark.

    Args:
        errors: (kinds, severities) top-1 errors.
        kinds: types of corruption.
        severities: of each.
        clean: top-1 error on the images as they are.
        anchored: whether to compare with AlexNet, whose errors are of ImageNet-C.
    """
    found = {"error": float(errors.mean())}
    whole = tuple(severities) == SEVERITIES
    if whole and set(kinds) >= set(BENCHMARK):
        found |= _headlines(errors, kinds, clean=clean, anchored=anchored)
    for kind, of_kind in zip(kinds, errors, strict=True):
        found[f"error/{kind}"] = float(of_kind.mean())
        found |= {f"error/{kind}_{s}": float(error) for s, error in zip(severities, of_kind, strict=True)}
        if anchored and whole and kind in ALEXNET:
            found[f"ce/{kind}"], found[f"relative_ce/{kind}"] = _relative(of_kind, kind, clean)
    return found


def _headlines(errors: np.ndarray, kinds: Sequence[str], *, clean: float, anchored: bool) -> dict[str, float]:
    rows = {kind: errors[list(kinds).index(kind)] for kind in BENCHMARK}
    found = {"uce": float(np.mean(list(rows.values())))}
    if anchored:
        relative = np.mean([_relative(row, kind, clean) for kind, row in rows.items()], axis=0)
        found["mce"], found["relative_mce"] = map(float, relative)
    return found


def _relative(of_kind: np.ndarray, kind: str, clean: float) -> tuple[float, float]:
    """CE and relative CE of the errors (5,) of one type."""
    anchor = np.array(ALEXNET[kind])
    return of_kind.sum() / anchor.sum(), (of_kind - clean).sum() / (anchor - ALEXNET_CLEAN).sum()
