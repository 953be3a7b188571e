"""Scores of a classifier on any number of labelled sets of images, for every branch and every mix."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np

from sbn.evals.measurement import Measurement
from sbn.evals.predictions import Images, Predict, packed
from sbn.metrics.accuracy import Accuracy, Score
from sbn.tasks.base import Variables

Tag = TypeVar("Tag")


@dataclasses.dataclass(frozen=True)
class Labelled:
    """One labelled set.

    Attributes:
        labels: (M,) int32.
        load: returns its M images.
    """

    labels: np.ndarray
    load: Callable[[], Images]

    @staticmethod
    def of(images: Images, labels: np.ndarray) -> "Labelled":
        """Returns the set of images that need no loading."""
        return Labelled(labels, lambda: images)


class Scorer:
    """Scores all predictions of a model on any number of sets, in one pass over their images.

    Args:
        predict: gives the logits of every branch.
        branches: names of the branches.
        mix: the lambdas; a model of one branch has nothing to mix.
        average: what a mixed prediction averages, 'probabilities' or 'logits'.

    Attributes:
        names: of the P predictions: the branches, then mix_λ.
    """

    def __init__(self, predict: Predict, *, branches: Sequence[str], mix: Sequence[float], average: str) -> None:
        self._accuracy = Accuracy(tuple(branches), tuple(mix), average)
        self._measurement = Measurement(predict, {"accuracy": self._accuracy})
        self.names = self._accuracy.names

    def __call__(self, variables: Variables, sets: dict[Tag, Labelled], *, what: str) -> dict[Tag, Score]:
        """Returns the score on each of the sets.

        Args:
            variables: of the model.
            sets: by a name of one's own.
            what: is measured, to show how far it is.
        """
        pairs = {tag: (len(own.labels), lambda own=own: _Pairs(own)) for tag, own in sets.items()}
        states = self._measurement(variables, pairs, what=what)
        return {tag: self._accuracy.score(found["accuracy"]) for tag, found in states.items()}


class _Pairs:
    """Images and their labels, slice by slice."""

    def __init__(self, labelled: Labelled) -> None:
        self._labels, self._images = labelled.labels, labelled.load()

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, where: slice) -> tuple[Any, dict[str, np.ndarray]]:
        return {"image": packed(self._images, where)}, {"label": self._labels[where]}


def named(found: Score, names: tuple[str, ...], split: str, *, classes: int) -> Iterator[tuple[str, float]]:
    """Yields the numbers of a score by name: accuracy, top5_accuracy (of more than 5 classes) and loss."""
    for index, name in enumerate(names):
        yield f"{split}/{name}/accuracy", float(found.accuracy[index])
        if classes > 5:
            yield f"{split}/{name}/top5_accuracy", float(found.top5[index])
        yield f"{split}/{name}/loss", float(found.loss[index])
