"""Affinity: how far a pipeline takes images from what a model knows (Gontijo-Lopes et al. 2020, arXiv 2002.08973).

Accuracy on augmented test images minus accuracy on the test images, of a model trained without augmentation: that the
model is such a one is the row's affair. 0 is in distribution, negative values are off.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from sbn.data.examples import LabelledImages
from sbn.evals.augmented import Augment, Augmented
from sbn.evals.scores import Labelled, Measure
from sbn.tasks.base import Variables


class Affinity:
    """Yields `test/PREDICTION/affinity/PIPELINE`, the mean over draws, and as arrays (pipelines, draws).

    Args:
        measure: scores every branch and mix.
        source: the test split.
        augments: by pipeline, as it is written.
        draws: times that each image is augmented.
    """

    def __init__(
        self, measure: Measure, source: LabelledImages, augments: Mapping[str, Augment], *, draws: int
    ) -> None:
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
