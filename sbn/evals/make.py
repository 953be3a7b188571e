"""The table of evaluators; the training loop and `python -m sbn.evaluate` both get those of a config here."""

from collections.abc import Callable

from sbn.evals.accuracy import Accuracy
from sbn.evals.base import Evaluator, Materials


def make_evaluators(materials: Materials) -> dict[str, Evaluator]:
    """Returns the evaluators that `eval.evals` names, in its order; the others are not built.

    Raises:
        ConfigError: if one can't be: a setting of it is wrong, or its data are not there.
    """
    return {name: EVALUATORS[name](materials) for name in materials.config.eval.evals}


def _accuracy(materials: Materials) -> Evaluator:
    return Accuracy(materials.measure(materials.config.eval.mix), materials.test)


EVALUATORS: dict[str, Callable[[Materials], Evaluator]] = {"accuracy": _accuracy}
