"""Errors on corrupted test images, by type and severity, of every branch and mix."""

import functools
import logging
from collections.abc import Iterator, Sequence
from typing import Final

import jax
import numpy as np

from sbn.data.corruptions import sets
from sbn.data.corruptions.kinds import ALEXNET_CLEAN_ERROR, ALEXNET_ERRORS
from sbn.data.corruptions.sets import CorruptedSet
from sbn.data.examples import LabelledImages
from sbn.evals.base import Materials
from sbn.evals.corruption_errors import corruption_errors
from sbn.evals.scores import Labelled, Measure
from sbn.metrics.accuracy import Score
from sbn.tasks.base import Variables

log = logging.getLogger(__name__)

GRID: Final = tuple(k / 10 for k in range(11))  # lambdas of the mixes that one pass measures, beside `eval.mix`
_IMAGENET_CLASSES = 1000


class Corrupted:
    """One pass over the test split and all of a corrupted set, for all who ask with the same variables.

    Args:
        measure: scores every branch and mix.
        source: the test split, for the error on images as they are.
        data: the corrupted set.
    """

    def __init__(self, measure: Measure, source: LabelledImages, data: CorruptedSet) -> None:
        self._measure, self._source, self.data = measure, source, data
        self.names = measure.names
        # Numbers of generated images are never to be taken for the benchmark's, so they have a name of their own.
        self.split = "corrupted_generated" if data.generated else "corrupted"
        self.anchored = source.classes == _IMAGENET_CLASSES  # AlexNet's errors are of ImageNet-C
        self._last: tuple[Variables, Score, np.ndarray] | None = None

    def __call__(self, variables: Variables) -> tuple[Score, np.ndarray]:
        """Returns the score on images as they are, and (P, kinds, severities) top-1 errors."""
        if self._last is None or self._last[0] is not variables:
            self._last = (variables, *self._run(variables))
        return self._last[1:]

    def summary(self, prediction: str, clean: Score, errors: np.ndarray) -> dict[str, float]:
        """Returns the numbers of one prediction by name, as `corruption_errors` does."""
        index = self.names.index(prediction)
        return corruption_errors(
            errors[index],
            self.data.kinds,
            self.data.severities,
            clean=1 - float(clean.accuracy[index]),
            anchored=self.anchored,
        )

    def _run(self, variables: Variables) -> tuple[Score, np.ndarray]:
        data = self.data
        if jax.process_index() == 0:
            log.info("%s (%s)", data.about, ", ".join(data.kinds))
        # all of the split, also where a set has fewer: test/... is the same number whoever measures it
        all_sets = {("", 0): Labelled.of(self._source.images, self._source.labels)}
        for kind in data.kinds:
            for severity in data.severities:
                all_sets[kind, severity] = Labelled(data.labels, functools.partial(data.images, kind, severity))
        found = self._measure(variables, all_sets, what="corruptions")
        errors = [[1 - found[kind, severity].accuracy for severity in data.severities] for kind in data.kinds]
        return found["", 0], np.moveaxis(np.array(errors), -1, 0)


def make_corrupted(materials: Materials) -> Corrupted:
    """Returns the pass over corrupted images, which `Materials.shared` makes one of for all evaluators.

    Raises:
        ConfigError: if the images are not there, or can't be made.
    """
    config = materials.config
    measure = materials.measure(sorted({*GRID, *config.eval.mix}), evaluator="corruptions")
    data = sets.load(
        materials.test,
        data=config.data.name,
        source=config.eval.corruptions.source,
        dir=config.eval.corruptions.dir,
        kinds=config.eval.corruptions.kinds,
        frost=config.eval.corruptions.frost,
        examples=config.eval.corruptions.examples,
    )
    return Corrupted(measure, materials.test, data)


class Corruptions:
    """Yields what `corruption_errors` says of every prediction, and (kinds, severities) tables of errors.

    Args:
        corrupted: the pass.
        names: of the predictions to tell of.
    """

    def __init__(self, corrupted: Corrupted, *, names: Sequence[str]) -> None:
        self._corrupted, self._names = corrupted, names

    def __call__(self, variables: Variables) -> Iterator[tuple[str, float | np.ndarray]]:
        """Yields (name, value) pairs."""
        corrupted, data = self._corrupted, self._corrupted.data
        clean, errors = corrupted(variables)
        for name in self._names:
            index = corrupted.names.index(name)
            yield f"test/{name}/error", 1 - float(clean.accuracy[index])
            for metric, value in corrupted.summary(name, clean, errors).items():
                yield f"{corrupted.split}/{name}/{metric}", value
            yield f"{corrupted.split}/{name}/error", errors[index]
        yield f"{corrupted.split}/kinds", np.array(data.kinds)
        yield f"{corrupted.split}/severities", np.array(data.severities)
        if corrupted.anchored:  # what mCE was divided by
            yield "test/alexnet/error", ALEXNET_CLEAN_ERROR
            for kind in data.kinds:
                yield f"{corrupted.split}/alexnet/error/{kind}", float(np.mean(ALEXNET_ERRORS[kind]))
