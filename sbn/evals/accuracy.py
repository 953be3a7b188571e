"""Accuracy, top-5 accuracy and loss on the test split: every branch, and mixed predictions of the first two."""

from collections.abc import Iterator

from sbn.data.examples import LabelledImages
from sbn.evals.scores import Labelled, Measure, Score
from sbn.tasks.base import Variables


class Accuracy:
    """Yields `test/PREDICTION/` accuracy, top5_accuracy (of more than 5 classes) and loss.

    Args:
        measure: scores every branch and mix.
        source: the split.
    """

    def __init__(self, measure: Measure, source: LabelledImages) -> None:
        self._measure, self._source = measure, source

    def __call__(self, variables: Variables) -> Iterator[tuple[str, float]]:
        """Yields (name, value) pairs."""
        sets = {"test": Labelled.of(self._source.images, self._source.labels)}
        found = self._measure(variables, sets, what="accuracy")["test"]
        yield from named(found, self._measure.names, "test", classes=self._source.classes)


def named(found: Score, names: tuple[str, ...], split: str, *, classes: int) -> Iterator[tuple[str, float]]:
    """Yields the numbers of a score by name."""
    for index, name in enumerate(names):
        yield f"{split}/{name}/accuracy", float(found.accuracy[index])
        if classes > 5:
            yield f"{split}/{name}/top5_accuracy", float(found.top5[index])
        yield f"{split}/{name}/loss", float(found.loss[index])
