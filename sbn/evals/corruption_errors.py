"""From errors on corrupted images to uCE, CE, mCE and relative mCE (Hendrycks and Dietterich 2019).

The unnormalised corruption error, uCE, is what Split BatchNorms gives for CIFAR-10-C: the mean over the 15 types of the
benchmark and their 5 severities. ImageNet-C's are relative to AlexNet's errors.
"""

from collections.abc import Sequence

import numpy as np

from sbn.data.corruptions.kinds import ALEXNET_CLEAN_ERROR, ALEXNET_ERRORS, BENCHMARK, SEVERITIES


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
        if anchored and whole and kind in ALEXNET_ERRORS:
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
    anchor = np.array(ALEXNET_ERRORS[kind])
    return of_kind.sum() / anchor.sum(), (of_kind - clean).sum() / (anchor - ALEXNET_CLEAN_ERROR).sum()
