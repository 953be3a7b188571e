"""Every branch's detections in some test images, beside the true objects, as arrays for `sbn.figures.detections`."""

from collections.abc import Iterator

import numpy as np

from sbn.config.errors import ConfigError
from sbn.data.pixels import pack, unpack
from sbn.evals.base import Materials, Value
from sbn.tasks.base import Variables
from sbn.tasks.detection import Detection


class Detections:
    """Yields 'test/image' (n, H, W, 3) of the first test images as the network sees them, 'test/objects' (n, B, 6),
    what is there, and of each branch 'test/NAME/detections' (n, D, 6): y0, x0, y1, x1, score, class; score 0: none.

    Objects have the score 1, difficult ones -1. 'test/classes' are names.

    Args:
        materials: the parts of the run.

    Raises:
        ConfigError: if the task detects nothing.
    """

    def __init__(self, materials: Materials) -> None:
        if not isinstance(materials.task, Detection):
            raise ConfigError(
                f"eval.evals: 'detections' is only for task = 'detection', and this run has "
                f"task = {materials.config.task!r}"
            )
        self._task, self._predict = materials.task, materials.predict
        count = min(materials.config.eval.detections.examples, len(materials.test))
        loaded = materials.test.load(np.arange(count))
        self._words = loaded["image"] if loaded["image"].ndim == 3 else pack(loaded["image"])
        boxes, difficult = loaded["boxes"], loaded.get("box_difficult", np.zeros(loaded["box_label"].shape))
        there = (boxes[..., 2:] > boxes[..., :2]).all(axis=-1)
        score = np.where(there, np.where(difficult > 0, -1, 1), 0)
        beside = np.stack([score, loaded["box_label"]], axis=-1).astype(np.float32)
        self._objects = np.concatenate([boxes, beside], axis=-1)

    def __call__(self, variables: Variables) -> Iterator[tuple[str, Value]]:
        """Yields (name, array) pairs."""
        colours, marks = unpack(self._words)
        yield "test/image", np.where(marks[..., None] > 0, colours, np.uint8(255))  # what is filled up is white paper
        yield "test/objects", self._objects
        yield "test/classes", np.asarray(self._task.data.features["box_label"].classes)
        found = self._predict(variables, self._words)
        for k, branch in enumerate(self._task.branches):
            yield f"test/{branch}/detections", found[:, k]
