"""Augmented images for evaluation, and the two metrics on them: Affinity and Diversity.

Images are augmented by the ops of training, with draws at addresses that no training step uses. Affinity is how far a
pipeline takes images from what a model knows, Diversity how hard it makes the training images for a model trained with
it (Gontijo-Lopes et al. 2020, arXiv 2002.08973).
"""

import importlib.util
from collections.abc import Callable, Iterator, Mapping

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
from sbn.evals.scores import Labelled, Scorer
from sbn.tasks.base import Variables

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
                raise ValueError(f"{op.name} runs only in the training step")
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
    from sbn.data.host.on_cpu import make_apply

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


class Affinity:
    """Yields `test/PREDICTION/affinity/PIPELINE`, the mean over draws, and as arrays (pipelines, draws).

    Affinity is accuracy on augmented test images minus accuracy on the test images, of a model trained without
    augmentation: that the model is such a one is the row's affair. 0 is in distribution, negative values are off.

    Args:
        measure: scores every branch and mix.
        source: the test split.
        augments: by pipeline, as it is written.
        draws: times that each image is augmented.
    """

    def __init__(self, measure: Scorer, source: LabelledImages, augments: Mapping[str, Augment], *, draws: int) -> None:
        self._measure, self._source, self._augments, self._draws = measure, source, augments, draws

    def __call__(self, variables: Variables) -> Iterator[tuple[str, float | np.ndarray]]:
        """Yields (name, value) pairs."""
        source, draws = self._source, range(self._draws)
        sets = {("", 0): Labelled.of(source.images, source.labels)}
        for text, augment in self._augments.items():
            for draw in draws:
                images = Augmented(source, augment, draw=draw)
                sets[text or "none", draw] = Labelled.of(images, source.labels)
        found = self._measure(variables, sets, what="affinity")
        clean = found.pop(("", 0)).accuracy
        names = list(dict.fromkeys(text for text, _ in found))
        # (predictions, pipelines, draws)
        affinity = np.stack([[found[text, draw].accuracy - clean for draw in draws] for text in names]).transpose(
            2, 0, 1
        )
        for prediction, values in zip(self._measure.names, affinity, strict=True):
            for text, value in zip(names, values, strict=True):
                yield f"test/{prediction}/affinity/{text}", float(value.mean())
            yield f"test/{prediction}/affinity", values
        yield "test/pipelines", np.array(names)


class Diversity:
    """Yields `train/PREDICTION/diversity/PIPELINE` in nats, and as arrays (pipelines,).

    Diversity is the mean cross-entropy on augmented training images at the end of training. `train/VIEW/loss` of a run
    is the same over the last steps, with the statistics of the batch; this is over every training image once, with the
    running ones.

    Args:
        measure: scores every branch and mix.
        source: the training split.
        augments: by pipeline, as it is written.
    """

    def __init__(self, measure: Scorer, source: LabelledImages, augments: Mapping[str, Augment]) -> None:
        self._measure, self._source, self._augments = measure, source, augments

    def __call__(self, variables: Variables) -> Iterator[tuple[str, float | np.ndarray]]:
        """Yields (name, value) pairs."""
        sets = {
            text or "none": Labelled.of(Augmented(self._source, augment, draw=0), self._source.labels)
            for text, augment in self._augments.items()
        }
        found = self._measure(variables, sets, what="diversity")
        for index, prediction in enumerate(self._measure.names):
            losses = np.array([score.loss[index] for score in found.values()])
            for text, loss in zip(found, losses, strict=True):
                yield f"train/{prediction}/diversity/{text}", float(loss)
            yield f"train/{prediction}/diversity", losses
        yield "train/pipelines", np.array(list(found))
