"""One branch of a detector, as `sbn.export` writes it: it takes images of any size, and finds boxes in their pixels."""

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from etils import epath
from ml_collections import ConfigDict
from PIL import Image

from sbn.config.errors import ConfigError
from sbn.data.encoded import seen
from sbn.data.examples import Feature
from sbn.data.pixels import pack
from sbn.tasks.base import TaskData, Variables
from sbn.tasks.detection import Detection, make_detection
from sbn.tasks.exported import checked_about, checked_image, config_of, named_classes, normalising


class Found(NamedTuple):
    """The objects that were found in an image, the surest first.

    Attributes:
        boxes: (n, 4) float32, y0, x0, y1, x1 in pixels of the image, edges half-open.
        scores: (n,) float32.
        labels: (n,) int32, numbers of their classes.
        names: of their classes.
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Detector:
    """One branch of a detector.

    Attributes:
        task: of one branch.
        variables: {'params', 'batch_stats'}.
        about: what `model.json` holds.
    """

    task: Detection
    variables: Variables
    about: Mapping[str, Any]

    def detect(self, image: np.ndarray, *, least: float = 0.0) -> Found:
        """Returns what is found in an image (H, W, 3) uint8 of any size, as the run's evaluation would find it.

        The first image of a size of canvas takes as long as compiling does.

        Args:
            image: RGB, 0 to 255.
            least: what is found with a lower score is left out.

        Raises:
            ConfigError: if it is no such image, or `least` no number.
        """
        if not isinstance(least, int | float | np.number) or math.isnan(least):
            raise ConfigError(f"least = {least!r} must be a number: a score")
        image = checked_image(image)
        crop = self.task.evaluated
        words = pack(image[None])[0] if crop is None else seen(Image.fromarray(image), crop)
        found = np.asarray(self._forward(self.variables, words[None]))[0, 0]
        found = found[(found[:, 4] > 0) & (found[:, 4] >= least)]
        labels, names = found[:, 5].astype(np.int32), self.about["class_names"]
        boxes = self.task.original(found[None, :, :4], np.asarray([image.shape[:2]]))[0]
        return Found(boxes, found[:, 4], labels, tuple(names[label] for label in labels))

    @functools.cached_property
    def _forward(self) -> Callable[[Variables, np.ndarray], jax.Array]:
        return jax.jit(lambda variables, words: self.task.outputs(variables, {"image": words}))


def described(config: ConfigDict, recorded: Mapping[str, Any] | None) -> dict[str, Any]:
    """Returns what a `model.json` says of a detector beside what every exported network's does; of others nothing.

    Args:
        config: of the run.
        recorded: what its data.json holds.

    Raises:
        ConfigError: if that does not say what the classes are.
    """
    if config.task != Detection.name:
        return {}
    return named_classes(config, recorded, "classes", classified="its objects")


def task_of(config: ConfigDict, classes: Sequence[str], size: Sequence[int]) -> Detection:
    """Returns the task of a config, as if there were data: of these classes, evaluated in (H, W)."""
    names = tuple(classes)
    features = {
        "image": Feature("image", (*size, 3)),
        "boxes": Feature("boxes", (1, 4), names),
        "box_label": Feature("label", (1,), names),
        "image_size": Feature("array", (2,)),
    }
    return make_detection(config, TaskData(features))


def read_detector(path: epath.Path, about: Mapping[str, Any], variables: Variables) -> Detector:
    """Returns a detector of what a `model.json` says, the file at `path`, and of its variables.

    Raises:
        Damaged: if that is not what `export` writes.
    """
    about = checked_about(path, about)
    config = config_of(about, Detection.name, **{"eval.augment": about["augment"] or None})
    task = task_of(config, about["class_names"], about["image_size"])
    return Detector(normalising(task, about), variables, about)
