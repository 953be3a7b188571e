"""Mean intersection over union of predicted classes of pixels, from a confusion matrix on the devices."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sbn.metrics.base import State, Value

Array = jax.Array


@dataclasses.dataclass(frozen=True)
class MeanIoU:
    """Measures predicted classes (N, K, H, W) against 'mask' (N, H, W), whose pixels of 255 have no class.

    Every pixel with a class counts once; counts are whole numbers, of as many pixels as there are (two words each).

    Attributes:
        branches: names of the K branches.
        classes: names of the classes.
        mask: name of the feature that holds the truth.
    """

    branches: tuple[str, ...]
    classes: tuple[str, ...]
    mask: str = "mask"

    def init(self) -> State:
        """Returns the state of no images: counts (K, truth, predicted), the low words and the high ones."""
        none = jnp.zeros((len(self.branches), len(self.classes), len(self.classes)), jnp.uint32)
        return {"low": none, "high": none}

    def update(self, state: State, outputs: Any, targets: Mapping[str, Any], valid: Array) -> State:
        """Returns the state after one more batch; see `Metric`."""
        truth = jnp.where(valid[:, None, None], targets[self.mask].astype(jnp.int32), 255)
        found = confusion(truth, outputs.astype(jnp.int32), classes=len(self.classes))
        return _add(state, {"low": found, "high": jnp.zeros_like(found)})

    def merge(self, a: State, b: State) -> State:
        """Returns the state of the images of both."""
        return _add(a, b)

    def compute(self, state: State) -> Mapping[str, Value]:
        """Returns for every branch `miou`, `iou/CLASS`, `pixel_accuracy` and `class_accuracy`.

        A class that neither occurs nor is predicted has no intersection over union: NaN, and left out of the mean. So
        is the accuracy of a class that does not occur.
        """
        named: dict[str, Value] = {}
        for branch, own in zip(self.branches, self.counts(state), strict=True):
            right, ious = np.diag(own), self.ious(own)
            with np.errstate(invalid="ignore", divide="ignore"):
                accuracies = right / own.sum(axis=1)
                named[f"{branch}/pixel_accuracy"] = float(right.sum() / own.sum())
            named[f"{branch}/miou"] = _mean(ious)
            named[f"{branch}/class_accuracy"] = _mean(accuracies)
            named |= {f"{branch}/iou/{name}": float(iou) for name, iou in zip(self.classes, ious, strict=True)}
        return named

    def counts(self, state: State) -> np.ndarray:
        """Returns how many pixels of each class were taken for each, (K, truth, predicted) int64."""
        found = jax.device_get(state)
        made: np.ndarray = found["high"].astype(np.int64) * 2**32 + found["low"].astype(np.int64)
        return made

    @staticmethod
    def ious(counts: np.ndarray) -> np.ndarray:
        """Returns the intersection over union of each class, of one branch's counts; NaN where a class is nowhere."""
        right = np.diag(counts)
        with np.errstate(invalid="ignore"):
            found: np.ndarray = right / (counts.sum(axis=1) + counts.sum(axis=0) - right)
        return found


def confusion(truth: Array, predicted: Array, *, classes: int) -> Array:
    """Returns how many pixels of each class were predicted as each, (K, truth, predicted) uint32.

    Args:
        truth: (N, H, W); outside of the classes: not counted.
        predicted: (N, K, H, W).
        classes: their number.
    """
    return jax.lax.platform_dependent(
        truth,
        predicted,
        cpu=functools.partial(_scattered, classes=classes),
        default=functools.partial(_multiplied, classes=classes),
    )


def _scattered(truth: Array, predicted: Array, *, classes: int) -> Array:
    """Adds ones to counts: what CPUs do quickest."""
    branches = jnp.arange(predicted.shape[1])[:, None, None]
    place = (branches * classes + truth[:, None]) * classes + predicted
    known = ((truth >= 0) & (truth < classes))[:, None]
    size = predicted.shape[1] * classes**2
    counts = jnp.zeros(size, jnp.uint32).at[jnp.where(known, place, size)].add(1, mode="drop")
    return counts.reshape(-1, classes, classes)


def _multiplied(truth: Array, predicted: Array, *, classes: int) -> Array:
    """Multiplies zeros and ones, image by image: accelerators do not add to single places quickly."""
    numbers = jnp.arange(classes)

    def one_image(pair: tuple[Array, Array]) -> Array:
        own, found = pair
        # Products of zeros and ones, exact in float32 up to 2**24 pixels of an image
        is_truth = (own.reshape(-1, 1) == numbers).astype(jnp.float32)
        is_found = (found.reshape(len(found), -1, 1) == numbers).astype(jnp.float32)
        return jnp.einsum("pt,kpf->ktf", is_truth, is_found, precision="highest").astype(jnp.uint32)

    return jax.lax.map(one_image, (truth, predicted)).sum(axis=0, dtype=jnp.uint32)


def _add(a: State, b: State) -> State:
    low = a["low"] + b["low"]  # wraps around
    return {"low": low, "high": a["high"] + b["high"] + (low < a["low"]).astype(jnp.uint32)}


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
