"""Every branch's classes of the pixels of test images, beside the true ones, as arrays for `sbn.figures.masks`."""

from collections.abc import Iterator

import numpy as np

from sbn.config.errors import ConfigError
from sbn.data.pixels import pack, unpack
from sbn.evals.base import Materials, Value
from sbn.evals.measurement import Measurement
from sbn.evals.metrics import Pairs
from sbn.tasks.base import Variables
from sbn.tasks.segmentation import Segmentation


class Masks:
    """Yields arrays of some test images, evenly spread, and of all of them.

    Of some: 'test/image' (n, H, W, 3) as the network sees them, 'test/truth' (n, H, W), the classes of their pixels,
    255 for none, and of each branch 'test/NAME/predicted' (n, H, W). Of all: of each branch 'test/NAME/iou' (classes,)
    and 'test/NAME/confusion' (classes, classes), how many pixels of each class were taken for each. 'test/classes' are
    names.

    Args:
        materials: the parts of the run.

    Raises:
        ConfigError: if the task finds no classes of pixels.
    """

    def __init__(self, materials: Materials) -> None:
        if not isinstance(materials.task, Segmentation):
            raise ConfigError(
                f"eval.evals: 'masks' is only for task = 'segmentation', and this run has "
                f"task = {materials.config.task!r}"
            )
        self._task, self._predict = materials.task, materials.predict
        self._metric = materials.task.metrics()["iou"]
        self._measurement = Measurement(materials.predict, {"iou": self._metric})
        self._all = Pairs(materials.test, materials)
        count = min(materials.config.eval.masks.examples, len(materials.test))
        loaded = materials.test.load(np.linspace(0, len(materials.test) - 1, count).astype(np.int64))
        self._words = loaded["image"] if loaded["image"].ndim == 3 else pack(loaded["image"])
        self._truth = loaded[materials.task.mask]

    def __call__(self, variables: Variables) -> Iterator[tuple[str, Value]]:
        """Yields (name, array) pairs."""
        yield "test/image", unpack(self._words)[0]
        yield "test/truth", self._truth
        yield "test/classes", np.asarray(self._metric.classes)
        predicted = self._predict(variables, self._words)
        measured = self._measurement(variables, {"test": (self._all, lambda: self._all)}, what="masks")["test"]["iou"]
        for k, (branch, counts) in enumerate(zip(self._task.branches, self._metric.counts(measured), strict=True)):
            yield f"test/{branch}/predicted", predicted[:, k]
            yield f"test/{branch}/confusion", counts
            yield f"test/{branch}/iou", self._metric.ious(counts)
