"""Diversity: how hard a pipeline makes the training images for a model trained with it (Gontijo-Lopes et al. 2020).

The mean cross-entropy on augmented training images at the end of training. `train/VIEW/loss` of a run is the same over
the last steps, with the statistics of the batch; this is over every training image once, with the running ones.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from sbn.data.examples import LabelledImages
from sbn.evals.augmented import Augment, Augmented
from sbn.evals.scores import Labelled, Measure
from sbn.tasks.base import Variables


class Diversity:
    """Yields `train/PREDICTION/diversity/PIPELINE` in nats, and as arrays (pipelines,).

    Args:
        measure: scores every branch and mix.
        source: the training split.
        augments: by pipeline, as it is written.
    """

    def __init__(self, measure: Measure, source: LabelledImages, augments: Mapping[str, Augment]) -> None:
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
