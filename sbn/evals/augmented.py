"""Augmented images for evaluation, by the ops of training, with draws at addresses that no training step uses."""

import importlib.util
from collections.abc import Callable

import jax
import numpy as np
from ml_collections import ConfigDict

from sbn.augment import pipeline
from sbn.augment.size_checks import check_fits
from sbn.augment.size_ops import variants
from sbn.config import tree
from sbn.config.errors import ConfigError
from sbn.data.examples import LabelledImages
from sbn.data.pixels import pack

_STAGE = 1 << 31  # more stages than any run has

# (packed pixels (n, H, W), ids (n,), number of the draw) -> packed pixels
Augment = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


class Augmented:
    """The images of a source, each augmented once, made when a slice is asked for (`sbn.evals.predictions.Images`).

    An image's augmentation depends on the seed, its number, and `draw`; not on batches, branches or other pipelines.
    """

    def __init__(self, source: LabelledImages, augment: Augment, *, draw: int) -> None:
        self._source, self._augment, self._draw = source, augment, draw

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, where: slice) -> np.ndarray:
        """Returns a slice (n, H', W') int32, packed: what a pipeline fills, the network sees as the mean colour."""
        ids = np.arange(where.start, where.stop, dtype=np.int32)
        return self._augment(pack(self._source.images[where]), ids, self._draw)


def make_augment(config: ConfigDict, text: str, *, image_size: tuple[int, int], key: str) -> Augment:
    """Returns what applies a pipeline, on the data path of the run.

    Args:
        config: of the run: data.path and seed.
        text: the pipeline.
        image_size: (H, W).
        key: the config key that `text` stands under, for messages.

    Raises:
        ConfigError: if the pipeline can't be read, does not fit the images or this data path, or changes labels.
    """
    try:
        ops = pipeline.parse(text)
        check_fits(ops, image_size=image_size)
        for op in ops:
            if op.where != "image":
                raise ValueError(f"{op.name} runs in the training step, and only there")
        return _MAKERS[config.data.path](ops, image_size, config.seed)
    except ValueError as error:
        raise ConfigError(f"{key} = {text!r}: {error}") from None


def on_images(ops: tuple[pipeline.Op, ...]) -> tuple[pipeline.Op, ...]:
    """Returns the ops of a view's pipeline that act on one image alone; a size that mini-batches draw is the first."""
    return tuple(op for op in variants(ops)[0] if op.where == "image")


def view_pipelines(config: ConfigDict) -> dict[str, str]:
    """Returns what every view's pipeline does to single images (`on_images`), as its last stage has it."""
    found: dict[str, str] = {}
    for name in config.stages:
        stage = tree.stage_config(config, name)
        for view in stage.branches:
            text = stage.views[view].augment
            ops = pipeline.parse(text)
            found[view] = text if on_images(ops) == ops else pipeline.format(on_images(ops))
    return found


def _host(ops: tuple[pipeline.Op, ...], image_size: tuple[int, int], seed: int) -> Augment:
    if importlib.util.find_spec("tensorflow") is None:
        raise ValueError("data.path = 'host' augments with TensorFlow, which is not installed")
    from sbn.data.host.apply import make_apply

    apply = make_apply(ops, image_size=image_size)
    return lambda words, ids, draw: apply(words, seed=seed, stage=_STAGE, epoch=draw, ids=ids, view=0)


def _device(ops: tuple[pipeline.Op, ...], image_size: tuple[int, int], seed: int) -> Augment:
    from sbn.augment.device.apply import make_apply

    apply = make_apply(ops, image_size=image_size)
    jitted = jax.jit(lambda words, ids, draw: apply(words, seed=seed, stage=_STAGE, epoch=draw, ids=ids, view=0))
    return lambda words, ids, draw: np.asarray(jitted(words, ids, draw))


_MAKERS: dict[str, Callable[[tuple[pipeline.Op, ...], tuple[int, int], int], Augment]] = {
    "host": _host,
    "device": _device,
}
