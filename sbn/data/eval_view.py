"""How images are looked at when a model is evaluated: through a pipeline that draws nothing."""

import importlib.util

import numpy as np

from sbn.augment import pipeline
from sbn.augment.op import Op
from sbn.augment.size_checks import check_deterministic, check_fits
from sbn.augment.size_ops import CentreCrop, Fit, sizes
from sbn.config.errors import ConfigError
from sbn.data import pixels

# Of data sets whose images have sizes of their own; those of the others are evaluated whole.
DEFAULTS = {
    "imagenet2012": "resize(256)|centre_crop(224)",
    "imagenette": "resize(160)|centre_crop(160)",
}
_BATCH = 500


def parse(text: str | None, *, name: str) -> tuple[Op, ...]:
    """Returns the pipeline of `eval.augment`, or that of the data set called `name` for None.

    Raises:
        ConfigError: if it can't be read, or has an op that draws or runs in the training step.
    """
    text = DEFAULTS.get(name, "") if text is None else text
    try:
        ops = pipeline.parse(text)
        check_deterministic(ops)
    except ValueError as error:
        raise ConfigError(f"eval.augment = {text!r}: {error}") from None
    return ops


def size(text: str | None, *, name: str, image_size: tuple[int | None, int | None]) -> tuple[int, int]:
    """Returns the (H, W) that evaluation sees of images of `image_size`; None if image sizes differ.

    Raises:
        ConfigError: if the pipeline can't be read, or gives such images no size.
    """
    height, width = image_size
    ops = parse(text, name=name)
    if (height is None or width is None) and not any(isinstance(op, CentreCrop | Fit) for op in ops):
        raise ConfigError(f"eval.augment = {pipeline.format(ops)!r} does not bring the images of {name!r} to one size")
    return sizes(ops, (height or 1, width or 1))[-1]


def apply(images: np.ndarray, ops: tuple[Op, ...]) -> np.ndarray:
    """Returns what the pipeline makes of images in memory: (M, H, W, 3) uint8 to (M, H', W', 3).

    Raises:
        ConfigError: if it can't be applied to them, or TensorFlow is not there to do it.
    """
    if not ops or not len(images):
        return np.zeros((0, *sizes(ops, images.shape[1:3])[-1], 3), np.uint8) if ops else images
    starts = range(0, len(images), _BATCH)
    made = (apply_packed(pixels.pack(images[at : at + _BATCH]), ops) for at in starts)
    return np.concatenate([pixels.unpack(words)[0] for words in made])


def apply_packed(words: np.ndarray, ops: tuple[Op, ...]) -> np.ndarray:
    """Returns what the pipeline makes of packed images: (n, H, W) int32 to (n, H', W').

    Raises:
        ConfigError: as `apply`.
    """
    if not ops:
        return words
    try:
        check_fits(ops, image_size=words.shape[1:3])
    except ValueError as error:
        raise ConfigError(f"eval.augment = {pipeline.format(ops)!r}: {error}") from None
    if importlib.util.find_spec("tensorflow") is None:
        raise ConfigError(f"eval.augment = {pipeline.format(ops)!r} needs TensorFlow, which is not installed")
    from sbn.data.host.on_cpu import make_apply

    made: np.ndarray = make_apply(ops, image_size=words.shape[1:3])(words, seed=0, stage=0, epoch=0, ids=[0], view=0)
    return made
