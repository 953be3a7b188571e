"""Accuracy, top-5 accuracy and loss on a test split: every branch, and mixed predictions of the first two."""

from collections.abc import Iterator, Sequence

import numpy as np

from sbn.data.sources import Source
from sbn.evals.predictions import Predict
from sbn.tasks.base import Variables


class Accuracy:
    """Yields `test/BRANCH/` accuracy, top5_accuracy (of more than 5 classes) and loss, then the same of `test/mix_λ/`.

    mix_λ predicts λ p_main + (1 - λ) p_aux (Split BatchNorms, section 6): λ = 1 is the first branch, 0 the second.

    Args:
        predict: gives the logits of every branch.
        source: the split.
        branches: names of the branches.
        mix: the lambdas.
        average: what a mixed prediction averages, 'probabilities' or 'logits'.
    """

    def __init__(
        self, predict: Predict, source: Source, *, branches: Sequence[str], mix: Sequence[float], average: str
    ) -> None:
        self._predict, self._source, self._branches = predict, source, tuple(branches)
        self._mix = tuple(mix) if len(branches) > 1 else ()
        self._average = average

    def __call__(self, variables: Variables) -> Iterator[tuple[str, float]]:
        """Yields (name, value) pairs."""
        logits = self._predict(variables, self._source.images).astype(np.float64)
        for k, name in enumerate(self._branches):
            yield from self._scores(name, log_softmax(logits[:, k]))
        for weight in self._mix:
            yield from self._scores(
                f"mix_{weight:g}", mixed(logits[:, 0], logits[:, 1], weight=weight, average=self._average)
            )

    def _scores(self, name: str, log_probabilities: np.ndarray) -> Iterator[tuple[str, float]]:
        labels = self._source.labels
        picked = np.take_along_axis(log_probabilities, labels[:, None], axis=1)
        # Ties count against the model, and so does NaN: a constant prediction is not right about every image.
        rank = (~(log_probabilities < picked)).sum(axis=1)
        yield f"test/{name}/accuracy", float((rank == 1).mean())
        if log_probabilities.shape[1] > 5:
            yield f"test/{name}/top5_accuracy", float((rank <= 5).mean())
        yield f"test/{name}/loss", float(-picked.mean())


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Returns log-probabilities of logits (M, classes) float64."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def mixed(first: np.ndarray, second: np.ndarray, *, weight: float, average: str) -> np.ndarray:
    """Returns log-probabilities of `weight` times the first prediction plus the rest of the second.

    Args:
        first: logits (M, classes) of one branch.
        second: logits (M, classes) of the other.
        weight: λ in [0, 1].
        average: 'probabilities' or 'logits'.
    """
    if average == "logits":
        return log_softmax(weight * first + (1 - weight) * second)
    if weight in (0, 1):
        return log_softmax(first if weight else second)
    return np.logaddexp(np.log(weight) + log_softmax(first), np.log1p(-weight) + log_softmax(second))
