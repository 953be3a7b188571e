"""Average precision as COCO measures it, by its own program, pycocotools: the mean over overlaps from 0.5 to 0.95.

The devices only collect what each image has; everything else is pycocotools', on the host, in pixels of the images as
they lie in their files, since COCO tells small objects from large ones.
"""

import contextlib
import dataclasses
import importlib.util
import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sbn.config.errors import ConfigError
from sbn.metrics.base import State, Value

Array = jax.Array
# What is reported of `COCOeval.stats`: the name, and its place there
_STATS = {
    **dict(zip(("coco_map", "coco_map_50", "coco_map_75"), range(3), strict=True)),
    **dict(zip(("coco_map_small", "coco_map_medium", "coco_map_large"), range(3, 6), strict=True)),
    "coco_recall": 8,  # of up to 100 detections
}


def check_installed() -> None:
    """Raises a `ConfigError` if pycocotools is not there."""
    if importlib.util.find_spec("pycocotools") is None:
        raise ConfigError(
            "eval.average_precision: 'coco' needs pycocotools, which is not installed: it comes with the extra "
            "'detection', pip install 'sbn[detection]'"
        )


@dataclasses.dataclass(frozen=True)
class CocoAveragePrecision:
    """Measures detections (N, K, D, 6), y0, x0, y1, x1, score, class, against 'boxes' and 'box_label', (N, B, ...).

    'box_difficult' (N, B) says which objects are crowds, as COCO calls what neither helps nor hurts, 'box_area' (N, B)
    what their areas are, in square pixels of the image in its file; otherwise those of the boxes count.

    Attributes:
        branches: names of the K branches.
        classes: names of the classes.
        examples: how many images there are, at most.
        detections: D, of an image.
        slots: B, of an image.
        original: (boxes (n, B, 4) in what the network sees, 'image_size' (n, 2)) -> boxes in the image in its file;
            None where these are the same.
    """

    branches: tuple[str, ...]
    classes: tuple[str, ...]
    examples: int
    detections: int
    slots: int
    original: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None

    def init(self) -> State:
        """Returns the state of no images: M slots for what is known of each of them."""
        objects = (self.examples, self.slots)
        return {
            "images": jnp.zeros((), jnp.int32),
            "found": jnp.zeros((self.examples, len(self.branches), self.detections, 6), jnp.float32),
            "boxes": jnp.zeros((*objects, 4), jnp.float32),
            "box_label": jnp.zeros(objects, jnp.int32),
            "box_difficult": jnp.zeros(objects, jnp.int8),
            "box_area": jnp.full(objects, -1, jnp.float32),  # not known
            "image_size": jnp.zeros((self.examples, 2), jnp.int32),
        }

    def update(self, state: State, outputs: Any, targets: Mapping[str, Any], valid: Array) -> State:
        """Returns the state after one more batch; see `Metric`."""
        slots = jnp.where(valid, state["images"] + jnp.cumsum(valid) - 1, self.examples)  # beyond the end: dropped
        given = {"found": outputs, **{name: targets[name] for name in state if name in targets}}
        kept = {
            name: state[name].at[slots].set(value.astype(state[name].dtype), mode="drop")
            for name, value in given.items()
        }
        return {**state, **kept, "images": state["images"] + valid.sum(dtype=jnp.int32)}

    def merge(self, a: State, b: State) -> State:
        """Returns the state of the images of both, of which there are no more than there are slots."""
        slots = a["images"] + jnp.arange(self.examples)
        slots = jnp.where(jnp.arange(self.examples) < b["images"], slots, self.examples)
        kept = {name: array.at[slots].set(b[name], mode="drop") for name, array in a.items() if name != "images"}
        return {**kept, "images": a["images"] + b["images"]}

    def compute(self, state: State) -> Mapping[str, Value]:
        """Returns for every branch `coco_map`, `coco_map_50`, ..., and `coco_ap/CLASS`; NaN where nothing was there."""
        state = {name: np.asarray(array)[: int(state["images"])] for name, array in _others(jax.device_get(state))}
        return {
            f"{branch}/{name}": value
            for k, branch in enumerate(self.branches)
            for name, value in self._measured(state, state["found"][:, k])
        }

    def _measured(self, state: Mapping[str, np.ndarray], found: np.ndarray) -> Iterator[tuple[str, float]]:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval

        boxes, shown = state["boxes"], found[..., :4]
        if self.original is not None:
            boxes, shown = (self.original(each, state["image_size"]) for each in (boxes, shown))
        images = [{"id": i} for i in range(1, len(found) + 1)]
        categories = [{"id": k, "name": name} for k, name in enumerate(self.classes)]
        there: np.ndarray = np.asarray((boxes[..., 2:] > boxes[..., :2]).all(-1))
        truth = _annotations(boxes, state["box_label"], there)
        for (i, slot), one in truth.items():
            one["iscrowd"] = int(state["box_difficult"][i, slot])
            if (area := float(state["box_area"][i, slot])) >= 0:
                one["area"] = area
        detected = _annotations(shown, found[..., 5].astype(int), found[..., 4] > 0)
        for (i, slot), one in detected.items():
            one["score"] = float(found[i, slot, 4])
        with contextlib.redirect_stdout(io.StringIO()):  # it talks
            sides = []
            for annotations in (truth, detected):
                side = COCO()
                side.dataset = {"images": images, "categories": categories, "annotations": list(annotations.values())}
                side.createIndex()
                sides.append(side)
            evaluation = COCOeval(*sides, "bbox")
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
        for name, place in _STATS.items():
            yield name, _number(evaluation.stats[place])
        precision = evaluation.eval["precision"][:, :, :, 0, -1]  # (overlaps, recalls, classes) of any area
        for k, name in enumerate(self.classes):
            own = precision[:, :, k]
            yield f"coco_ap/{name}", _number(own[own > -1].mean() if (own > -1).any() else -1)


def _others(state: State) -> Iterator[tuple[str, Any]]:
    return ((name, array) for name, array in state.items() if name != "images")


def _annotations(boxes: np.ndarray, labels: np.ndarray, there: np.ndarray) -> dict[tuple[int, int], dict[str, Any]]:
    """COCO's annotations of boxes (M, B, 4), by (image, slot); ids begin with 1, for it takes 0 for no match."""
    made: dict[tuple[int, int], dict[str, Any]] = {}
    for number, (i, slot) in enumerate(np.argwhere(there).tolist(), start=1):
        y0, x0, y1, x1 = map(float, boxes[i, slot])
        made[i, slot] = {
            "id": number,
            "image_id": i + 1,
            "category_id": int(labels[i, slot]),
            "bbox": [x0, y0, x1 - x0, y1 - y0],
            "area": (y1 - y0) * (x1 - x0),
            "iscrowd": 0,
        }
    return made


def _number(value: float) -> float:
    return float("nan") if value < 0 else float(value)
