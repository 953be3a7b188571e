"""Batches of wide and of high images, each kind on its own canvas: `fit(600, 1000, 32, turned=True)`.

Two canvases have fewer pixels than a square that takes both. A batch holds images of one of them, so that a step is
compiled once for each; what fills no batch of its canvas is left out of that epoch.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from ml_collections import ConfigDict

from sbn.augment import pipeline
from sbn.augment.size_ops import turns
from sbn.config import tree
from sbn.data.batching import Buckets, Planned
from sbn.data.encoded import Encoded
from sbn.data.examples import Examples
from sbn.data.index import Index


def portrait(index: Index) -> np.ndarray:
    """Returns which of the images are higher than wide, (M,) bool."""
    higher: np.ndarray = index.sizes[:, 0] > index.sizes[:, 1]
    return higher


class Canvases:
    """As `sbn.data.batching.Batching` says; a batch's canvas is that of any of its images.

    Args:
        portrait: (M,) bool, which images are higher than wide; all False where views do not tell these apart.
        batch_size: examples of a batch, in training.
        evaluated: the same, for evaluation; None: in order, whatever their canvas.
        multiple: what evaluated batches are a multiple of.
    """

    def __init__(
        self, portrait: np.ndarray, *, batch_size: int, evaluated: tuple[np.ndarray, int] | None = None, multiple: int
    ) -> None:
        self._training = Buckets(portrait + 1, (1, 2), features=(), batch_size=batch_size)
        self._evaluated, self._multiple = evaluated, multiple
        self.steps_per_epoch, self.shapes = self._training.steps_per_epoch, self._training.shapes

    def epoch(self, seed: int, *, stage: int, epoch: int) -> Sequence[Planned]:
        """Returns the batches of an epoch of training."""
        return self._training.epoch(seed, stage=stage, epoch=epoch)

    def once(self) -> Iterator[Planned] | None:
        """Yields every example once, canvas by canvas; the last batch of each is filled up."""
        return None if self._evaluated is None else self._once(*self._evaluated)

    def _once(self, portrait: np.ndarray, most: int) -> Iterator[Planned]:
        for canvas in (False, True):
            own = np.flatnonzero(portrait == canvas).astype(np.int32)
            size = -(-min(most, len(own)) // self._multiple) * self._multiple
            for start in range(0, len(own), size or 1):
                yield Planned(own[start : start + size], size=size)


def make_canvases(examples: Examples, config: ConfigDict, *, multiple: int) -> Canvases | None:
    """Returns the batches of a config whose pipelines treat high images separately; None if none does.

    Args:
        examples: of a split.
        config: of the run.
        multiple: what the examples of every batch must be a multiple of.
    """
    if not isinstance(examples, Encoded):
        return None
    stages = [tree.stage_config(config, name) for name in config.stages]
    trained = any(_turns(own.views[view].augment) for own in stages for view in own.branches)
    evaluated = turns(examples.ops)
    if not trained and not evaluated:
        return None
    higher = portrait(examples.index)
    return Canvases(
        higher if trained else np.zeros_like(higher),
        batch_size=config.batch_size,
        evaluated=(higher, config.eval.batch_size) if evaluated else None,
        multiple=multiple,
    )


def _turns(text: str) -> bool:
    try:
        return turns(pipeline.parse(text))
    except ValueError:  # which is told where the views are made
        return False
