"""The evaluators of a config; the training loop and `python -m sbn.evaluate` both get them here."""

from collections.abc import Mapping

from jax.sharding import Mesh
from ml_collections import ConfigDict

from sbn.data.sources import Source
from sbn.evals.accuracy import Accuracy
from sbn.evals.base import Evaluator
from sbn.evals.predictions import make_predict
from sbn.tasks.base import Task


def make_evaluators(config: ConfigDict, task: Task, mesh: Mesh, test: Source) -> Mapping[str, Evaluator]:
    """Returns the evaluators by name."""
    predict = make_predict(task, mesh, batch_size=config.eval.batch_size)
    return {
        "accuracy": Accuracy(predict, test, branches=task.branches, mix=config.eval.mix, average=config.eval.average)
    }
