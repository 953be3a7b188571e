"""Mean average precision of detections, as PASCAL VOC measures it: over 11 points (2007), and the area (since 2010).

On the devices each batch's detections are judged, image by image; what is kept of a detection are its score, its class
and the judgement. The curves are drawn on the host, in whole numbers and float64 (Everingham et al. 2010, section 4).
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sbn.metrics.base import State, Value
from sbn.nn.boxes import areas, overlaps

Array = jax.Array
NOT_COUNTED, RIGHT, WRONG = 0, 1, 2  # what is judged of a detection


@dataclasses.dataclass(frozen=True)
class MeanAveragePrecision:
    """Measures detections (N, K, D, 6), y0, x0, y1, x1, score, class, against 'boxes' and 'box_label', (N, B, ...).

    Where 'box_difficult' (N, B) says so, an object neither helps nor hurts: found or not, it does not count.

    Attributes:
        branches: names of the K branches.
        classes: names of the classes.
        examples: how many images there are, at most.
        detections: D, of an image.
        overlap: a detection is right if it overlaps an object of its class by more than this, and is the first to.
        at_least: by as much as this is enough, too, as other codes have it.
    """

    branches: tuple[str, ...]
    classes: tuple[str, ...]
    examples: int
    detections: int = 100
    overlap: float = 0.5
    at_least: bool = False

    def init(self) -> State:
        """Returns the state of no images: M slots for what is kept of each of them."""
        shape = (self.examples, len(self.branches), self.detections)
        return {
            "images": jnp.zeros((), jnp.int32),
            "scores": jnp.zeros(shape, jnp.float32),
            "classes": jnp.zeros(shape, jnp.int16),
            "judged": jnp.zeros(shape, jnp.int8),
            "objects": jnp.zeros(len(self.classes), jnp.int32),
        }

    def update(self, state: State, outputs: Any, targets: Mapping[str, Any], valid: Array) -> State:
        """Returns the state after one more batch; see `Metric`."""
        boxes, labels = targets["boxes"], targets["box_label"]
        difficult = targets.get("box_difficult", jnp.zeros(labels.shape, bool)).astype(bool)
        there = areas(boxes) > 0
        judged = jax.vmap(jax.vmap(self._judged, in_axes=(0, None, None, None, None)))(
            outputs, boxes, labels, there, difficult
        )
        slots = jnp.where(valid, state["images"] + jnp.cumsum(valid) - 1, self.examples)  # beyond the end: dropped
        counted = valid[:, None] & there & ~difficult
        numbers = jnp.where(counted, labels, len(self.classes)).reshape(-1)

        def put(name: str, values: Array) -> Array:
            old: Array = state[name]
            return old.at[slots].set(values.astype(old.dtype), mode="drop")

        return {
            "images": state["images"] + valid.sum(dtype=jnp.int32),
            "scores": put("scores", outputs[..., 4]),
            "classes": put("classes", outputs[..., 5]),
            "judged": put("judged", judged),
            "objects": state["objects"].at[numbers].add(1, mode="drop"),
        }

    def merge(self, a: State, b: State) -> State:
        """Returns the state of the images of both, of which there are no more than there are slots."""
        slots = a["images"] + jnp.arange(self.examples)
        slots = jnp.where(jnp.arange(self.examples) < b["images"], slots, self.examples)
        kept = {name: a[name].at[slots].set(b[name], mode="drop") for name in ("scores", "classes", "judged")}
        return {**kept, **{name: a[name] + b[name] for name in ("images", "objects")}}

    def compute(self, state: State) -> Mapping[str, Value]:
        """Returns for every branch `map` (11 points), `map_area`, and `ap/CLASS` (11 points); NaN without objects."""
        state = jax.device_get(state)
        count, named = int(state["images"]), {}
        for k, branch in enumerate(self.branches):
            scores, classes, judged = (state[name][:count, k].reshape(-1) for name in ("scores", "classes", "judged"))
            points, surfaces = [], []
            for number, name in enumerate(self.classes):
                objects = int(state["objects"][number])
                own = (classes == number) & (judged != NOT_COUNTED)
                right = judged[own][np.argsort(-scores[own], kind="stable")] == RIGHT
                eleven, area = average_precision(right, objects)
                if objects:
                    points.append(eleven)
                    surfaces.append(area)
                named[f"{branch}/ap/{name}"] = eleven
            named[f"{branch}/map"] = float(np.mean(points)) if points else float("nan")
            named[f"{branch}/map_area"] = float(np.mean(surfaces)) if surfaces else float("nan")
        return named

    def _judged(self, found: Array, boxes: Array, labels: Array, there: Array, difficult: Array) -> Array:
        """What is judged of the detections (D, 6) of one image, (D,); those of score 0 are none."""
        same = there & (found[:, 5, None] == labels)
        overlap = jnp.where(same, overlaps(found[:, :4], boxes), -1.0)  # (D, B)
        best, most = overlap.argmax(axis=1), overlap.max(axis=1)
        real = found[:, 4] > 0
        hit = real & ((most >= self.overlap) if self.at_least else (most > self.overlap))
        # The same object was hit by a detection with a higher score, or before this one with the same
        place = jnp.arange(len(found))
        before = (found[:, 4] > found[:, 4, None]) | ((found[:, 4] == found[:, 4, None]) & (place < place[:, None]))
        again = (before & hit & (best == best[:, None])).any(axis=1)
        judged = jnp.where(hit & ~again, RIGHT, WRONG)
        return jnp.where(real & ~(hit & difficult[best]), judged, NOT_COUNTED)


def average_precision(right: np.ndarray, objects: int) -> tuple[float, float]:
    """Returns the average precision of one class: over 11 points of recall, and as the area under its curve.

    Precision at a recall is the highest at that recall or a greater one.

    Args:
        right: (D,) bool of the detections by falling score.
        objects: of the class; of none, both are NaN.
    """
    if not objects:
        return float("nan"), float("nan")
    if not len(right):
        return 0.0, 0.0
    hits = np.cumsum(right, dtype=np.int64)
    precision = np.maximum.accumulate((hits / np.arange(1, len(hits) + 1))[::-1])[::-1]
    # Recalls are compared as whole numbers: 3 of 10 is a recall of 0.3, whatever floats make of it.
    firsts = [np.searchsorted(hits * 10, tenth * objects) for tenth in range(11)]
    eleven = np.mean([precision[first] if first < len(hits) else 0.0 for first in firsts])
    steps = np.diff(hits, prepend=0) > 0
    return float(eleven), float(precision[steps].sum() / objects)
