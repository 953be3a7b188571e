"""Errors on corrupted test images, by type and severity, of every branch and mix: uCE, CE, mCE, relative mCE.

The unnormalised corruption error, uCE, is what Split BatchNorms gives for CIFAR-10-C: the mean over the 15 types of the
benchmark and their 5 severities. ImageNet-C's are relative to AlexNet's errors (Hendrycks and Dietterich 2019).
"""

import functools
import logging
from collections.abc import Iterator, Sequence
from typing import Final

import jax
import numpy as np

from sbn.data.corruptions import sets
from sbn.data.corruptions.kinds import ALEXNET_CLEAN_ERROR, ALEXNET_ERRORS, BENCHMARK, SEVERITIES
from sbn.data.corruptions.sets import CorruptedSet
from sbn.data.examples import LabelledImages
from sbn.evals.base import Materials
from sbn.evals.scores import Labelled, Scorer
from sbn.metrics.accuracy import Score, mix_name
from sbn.tasks.base import Variables

log = logging.getLogger(__name__)

GRID: Final = tuple(k / 10 for k in range(11))  # lambdas of the mixes that one pass measures, beside `eval.mix`
_IMAGENET_CLASSES = 1000
_HEADLINES: Final = ("uce", "mce", "error")  # of a mix


def corruption_errors(
    errors: np.ndarray, kinds: Sequence[str], severities: Sequence[int], *, clean: float, anchored: bool
) -> dict[str, float]:
    """Returns the numbers of one prediction, all as fractions, by name.

    `error` is the mean over all types and severities there are, `error/KIND` that over the severities of one, and
    `error/KIND_SEVERITY` a single one. `uce` is there only if all of the benchmark is. So are, if `anchored`, `mce` and
    `relative_mce`, the means of `ce/KIND` and `relative_ce/KIND` over the benchmark.

    Args:
        errors: (kinds, severities) top-1 errors.
        kinds: types of corruption.
        severities: of each.
        clean: top-1 error on the images as they are.
        anchored: whether to compare with AlexNet, whose errors are of ImageNet-C.
    """
    found = {"error": float(errors.mean())}
    whole = tuple(severities) == SEVERITIES
    if whole and set(kinds) >= set(BENCHMARK):
        found |= _headlines(errors, kinds, clean=clean, anchored=anchored)
    for kind, of_kind in zip(kinds, errors, strict=True):
        found[f"error/{kind}"] = float(of_kind.mean())
        found |= {f"error/{kind}_{s}": float(error) for s, error in zip(severities, of_kind, strict=True)}
        if anchored and whole and kind in ALEXNET_ERRORS:
            found[f"ce/{kind}"], found[f"relative_ce/{kind}"] = _relative(of_kind, kind, clean)
    return found


def _headlines(errors: np.ndarray, kinds: Sequence[str], *, clean: float, anchored: bool) -> dict[str, float]:
    rows = {kind: errors[list(kinds).index(kind)] for kind in BENCHMARK}
    found = {"uce": float(np.mean(list(rows.values())))}
    if anchored:
        relative = np.mean([_relative(row, kind, clean) for kind, row in rows.items()], axis=0)
        found["mce"], found["relative_mce"] = map(float, relative)
    return found


def _relative(of_kind: np.ndarray, kind: str, clean: float) -> tuple[float, float]:
    """CE and relative CE of the errors (5,) of one type."""
    anchor = np.array(ALEXNET_ERRORS[kind])
    return of_kind.sum() / anchor.sum(), (of_kind - clean).sum() / (anchor - ALEXNET_CLEAN_ERROR).sum()


class Corrupted:
    """One pass over the test split and all corrupted images, shared by all evaluators of the same variables.

    Args:
        measure: scores every branch and mix.
        source: the test split, for the error on images as they are.
        data: the corrupted set.
    """

    def __init__(self, measure: Scorer, source: LabelledImages, data: CorruptedSet) -> None:
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


class Mix:
    """Accuracy against corruption error for λ = 0, 0.1, ..., 1 (Split BatchNorms, section 6.1 and Figure 3).

    Yields `test/mix_λ/accuracy` and `corrupted/mix_λ/uce` (and mce, where there is one), and both as curves over λ.

    Args:
        corrupted: the pass, which measures every λ of GRID.
    """

    def __init__(self, corrupted: Corrupted) -> None:
        self._corrupted = corrupted

    def __call__(self, variables: Variables) -> Iterator[tuple[str, float | np.ndarray]]:
        """Yields (name, value) pairs."""
        clean, errors = self._corrupted(variables)
        curves: dict[str, list[float]] = {}
        for weight in GRID:
            name = mix_name(weight)
            accuracy = float(clean.accuracy[self._corrupted.names.index(name)])
            numbers = {f"test/{name}/accuracy": accuracy}
            summary = self._corrupted.summary(name, clean, errors)
            numbers |= {f"{self._corrupted.split}/{name}/{key}": summary[key] for key in _HEADLINES if key in summary}
            for metric, value in numbers.items():
                yield metric, value
                curves.setdefault(metric.replace(name, "mix"), []).append(value)
        for metric, values in curves.items():
            yield metric, np.array(values)
        yield "mix/lambda", np.array(GRID)
