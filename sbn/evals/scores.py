"""What outputs are worth: top-1 and top-5 accuracy and loss of every branch, and of mixed predictions of the first two.

mix_λ predicts λ p_main + (1 - λ) p_aux (Split BatchNorms, section 6): λ = 1 is the first branch, 0 the second. All of
this is float64 arithmetic on the host, image by image, so that it does not depend on batches and devices.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from sbn.evals.predictions import Images, Predict
from sbn.runs.progress import shown
from sbn.tasks.base import Variables

Tag = TypeVar("Tag")


@dataclasses.dataclass
class Score:
    """What a model reached on one set, for each of P predictions.

    Attributes:
        accuracy: (P,) share of the images whose label scored highest.
        top5: (P,) share of the images whose label was among the five highest.
        loss: (P,) mean cross-entropy.
    """

    accuracy: np.ndarray
    top5: np.ndarray
    loss: np.ndarray


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


class Measure:
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
        self._predict, self._average = predict, average
        self._mix = tuple(mix) if len(branches) > 1 else ()
        self.names = (*branches, *map(mix_name, self._mix))

    def __call__(self, variables: Variables, sets: dict[Tag, Labelled], *, what: str) -> dict[Tag, Score]:
        """Returns the score on each of the sets.

        Args:
            variables: of the model.
            sets: by a name of one's own.
            what: is measured, to show how far it is.
        """
        sums = {tag: np.zeros((3, len(self.names))) for tag in sets}
        stream = self._predict.stream(variables, ((tag, labelled.load) for tag, labelled in sets.items()))
        batches = sum(self._predict.count(len(labelled.labels)) for labelled in sets.values())
        for tag, where, logits in shown(stream, f"{what}: batches", total=batches):
            ranks, log_likelihoods = score(logits, sets[tag].labels[where], mix=self._mix, average=self._average)
            sums[tag] += [(ranks == 1).sum(1), (ranks <= 5).sum(1), -log_likelihoods.sum(1)]
        return {tag: Score(*(sums[tag] / len(labelled.labels))) for tag, labelled in sets.items()}


def mix_name(weight: float) -> str:
    """Returns what the prediction with λ = `weight` is called."""
    return f"mix_{weight:g}"


def score(
    logits: np.ndarray, labels: np.ndarray, *, mix: Sequence[float], average: str
) -> tuple[np.ndarray, np.ndarray]:
    """Ranks the labels of n images.

    Args:
        logits: (n, K, classes) float32.
        labels: (n,) of them.
        mix: lambdas in [0, 1].
        average: 'probabilities' or 'logits'.

    Returns:
        (P, n) ranks of the label, 1 for the highest score, and (P, n) log-likelihoods of it, for the K branches and
        then for the mixes.
    """
    branches = np.moveaxis(logits.astype(np.float64), 1, 0)
    log_p = _log_softmax(branches)
    picked = _pick(log_p, labels)
    ranks, likelihoods = [_rank(branch, labels) for branch in branches], list(picked)
    p = np.exp(log_p[:2]) if mix and average == "probabilities" else log_p
    for weight in mix:
        if weight in (0, 1):  # the branch itself, to the bit
            ranks.append(ranks[0 if weight else 1])
            likelihoods.append(likelihoods[0 if weight else 1])
        elif average == "logits":
            mixed = weight * branches[0] + (1 - weight) * branches[1]
            ranks.append(_rank(mixed, labels))
            likelihoods.append(_pick(_log_softmax(mixed), labels))
        else:
            ranks.append(_rank(weight * p[0] + (1 - weight) * p[1], labels))
            with np.errstate(invalid="ignore"):  # NaN stays NaN
                # of the logarithms, since a probability may be too small for a float64
                likelihoods.append(np.logaddexp(np.log(weight) + picked[0], np.log1p(-weight) + picked[1]))
    return np.stack(ranks), np.stack(likelihoods)


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _pick(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(..., n, classes) -> (..., n), the label's."""
    return values[..., np.arange(len(labels)), labels]


def _rank(scores: np.ndarray, labels: np.ndarray) -> Any:
    # Ties count against the model, and so does NaN: a constant prediction is not right about every image.
    return (~(scores < _pick(scores, labels)[:, None])).sum(axis=1)
