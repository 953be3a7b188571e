"""One branch of a segmentation run, as `sbn.export` writes it: it says of every pixel of an image what it shows."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from etils import epath
from ml_collections import ConfigDict
from PIL import Image

from sbn.augment.encoded_crops import EncodedCrop, crop_windows, split_crop
from sbn.augment.pipeline import parse
from sbn.augment.size_ops import Fit
from sbn.config.errors import ConfigError
from sbn.data.encoded import seen
from sbn.data.examples import Feature
from sbn.data.own_sizes import places
from sbn.data.pixels import pack
from sbn.tasks.base import TaskData, Variables
from sbn.tasks.exported import checked_about, checked_image, config_of, named_classes, normalising
from sbn.tasks.segmentation import Segmentation, make_segmentation


@dataclasses.dataclass(frozen=True)
class PixelClassifier:
    """One branch of a segmentation run.

    Attributes:
        task: of one branch.
        variables: {'params', 'batch_stats'}.
        about: what `model.json` holds; `class_names` are those of the numbers.
    """

    task: Segmentation
    variables: Variables
    about: Mapping[str, Any]

    def segment(self, image: np.ndarray) -> np.ndarray:
        """Returns the number of each pixel's class, (H, W) uint8, of an image (H, W, 3) uint8 of any size.

        The network sees it as the run's evaluation did: through `fit`, or as it is. The first image of a size takes as
        long as compiling does.

        Args:
            image: RGB, 0 to 255.

        Raises:
            ConfigError: if it is no such image.
        """
        image = checked_image(image)
        inputs = {"image": pack(image[None])}
        if self._crop is not None:
            size = np.asarray([image.shape[:2]])
            scaled = crop_windows(self._crop, np.zeros((1, 0), np.uint32), size).scaled
            inputs = {"image": seen(Image.fromarray(image), self._crop)[None], **places(scaled, size, size[0])}
        found: np.ndarray = np.asarray(self._forward(self.variables, inputs))[0, 0]
        return found

    @functools.cached_property
    def _crop(self) -> EncodedCrop | None:
        text = self.about["augment"]
        return split_crop(parse(text)) if text else None

    @functools.cached_property
    def _forward(self) -> Callable[[Variables, Mapping[str, np.ndarray]], jax.Array]:
        return jax.jit(self.task.outputs)


def described(config: ConfigDict, recorded: Mapping[str, Any] | None) -> dict[str, Any]:
    """Returns what a `model.json` says of a segmentation run, beside what it says of any; of other runs nothing.

    Args:
        config: of the run.
        recorded: what its data.json holds.

    Raises:
        ConfigError: if that does not say what the classes are, or evaluation saw parts of images.
    """
    if config.task != Segmentation.name:
        return {}
    known = named_classes(config, recorded, "mask_classes", classified="pixels")
    if (text := config.eval.augment) and not isinstance(parse(text)[0], Fit):
        raise ConfigError(
            f"eval.augment = {text!r} shows parts of images: a network that classifies every pixel is exported from "
            "runs with eval.augment = 'fit(height, width)', or none"
        )
    return known


def task_of(config: ConfigDict, classes: Sequence[str], size: Sequence[int]) -> Segmentation:
    """Returns the task of a config, as if there were data: of these classes, evaluated in (H, W)."""
    features = {"image": Feature("image", (*size, 3)), "mask": Feature("mask", tuple(size), tuple(classes))}
    return make_segmentation(config, TaskData(features))


def read_pixel_classifier(path: epath.Path, about: Mapping[str, Any], variables: Variables) -> PixelClassifier:
    """Returns what a `model.json`, the file at `path`, and its variables are.

    Raises:
        Damaged: if that is not what `export` writes.
    """
    about = checked_about(path, about)
    task = task_of(config_of(about, Segmentation.name), about["class_names"], about["image_size"])
    return PixelClassifier(normalising(task, about), variables, about)
