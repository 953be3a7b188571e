"""The table of evaluators; the training loop and `python -m sbn.evaluate` both get those of a config here."""

from collections.abc import Callable

from sbn.evals.accuracy import Accuracy
from sbn.evals.base import Evaluator, Materials
from sbn.evals.filtered import Filtered
from sbn.evals.fourier import Fourier


def make_evaluators(materials: Materials) -> dict[str, Evaluator]:
    """Returns the evaluators that `eval.evals` names, in its order; the others are not built.

    Raises:
        ConfigError: if one can't be: a setting of it is wrong, or its data are not there.
    """
    return {name: EVALUATORS[name](materials) for name in materials.config.eval.evals}


def _accuracy(materials: Materials) -> Evaluator:
    config = materials.config
    return Accuracy(
        materials.predict,
        materials.test,
        branches=materials.task.branches,
        mix=config.eval.mix,
        average=config.eval.average,
    )


def _fourier(materials: Materials) -> Evaluator:
    config = materials.config
    return Fourier(
        materials,
        norm=config.eval.fourier.norm,
        size=config.eval.fourier.size,
        examples=config.eval.fourier.examples,
    )


def _low_pass(materials: Materials) -> Evaluator:
    config = materials.config
    return Filtered(materials, "low_pass", widths=config.eval.low_pass.widths, examples=config.eval.low_pass.examples)


def _high_pass(materials: Materials) -> Evaluator:
    config = materials.config
    return Filtered(
        materials, "high_pass", widths=config.eval.high_pass.widths, examples=config.eval.high_pass.examples
    )


EVALUATORS: dict[str, Callable[[Materials], Evaluator]] = {
    "accuracy": _accuracy,
    "fourier": _fourier,
    "low_pass": _low_pass,
    "high_pass": _high_pass,
}
