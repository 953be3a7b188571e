"""Accuracy counts every example once and mixes as the paper says, against plain NumPy."""

import jax
import numpy as np
import pytest

from sbn.data.examples import in_memory
from sbn.evals.accuracy import Accuracy
from sbn.evals.predictions import Predict
from sbn.evals.scores import Measure
from sbn.train.mesh import make_mesh

M, CLASSES = 13, 7


class FixedLogits:
    """A task whose logits depend on each image alone, by a table that the test knows."""

    branches = ("main", "aux")

    def __init__(self):
        self.table = np.random.default_rng(1).normal(size=(M + 1, 2, CLASSES)).astype(np.float32)

    def predict(self, variables, images):
        first_red = images[:, 0, 0] & 0xFF  # the image's number
        return jax.numpy.asarray(self.table)[first_red]


def source():
    images = np.zeros((M, 4, 4, 3), np.uint8)
    images[:, 0, 0, 0] = np.arange(M)
    labels = np.random.default_rng(2).integers(0, CLASSES, M).astype(np.int32)
    return in_memory({"image": images, "label": labels}, name="toy", classes=CLASSES)


def measured(task, *, batch_size=8, average="probabilities", mix=(0.0, 0.3, 1.0)):
    predict = Predict(task, make_mesh(batch_size=8), batch_size=batch_size)
    measure = Measure(predict, branches=task.branches, mix=mix, average=average)
    return dict(Accuracy(measure, source())({}))


def scores(batch_size, **options):
    task = FixedLogits()
    return task.table[:M].astype(np.float64), measured(task, batch_size=batch_size, **options)


def softmax(x):
    e = np.exp(x)
    return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize("batch_size", [1, 8, 13, 500])
def test_every_example_counts_once_for_any_batch_size(batch_size):
    logits, found = scores(batch_size)
    labels = source().labels
    for k, name in enumerate(("main", "aux")):
        p = softmax(logits[:, k])
        assert found[f"test/{name}/accuracy"] == (p.argmax(1) == labels).mean()
        top5 = np.mean([label in np.argsort(row)[-5:] for row, label in zip(p, labels, strict=True)])
        assert found[f"test/{name}/top5_accuracy"] == top5
        # both are float64 means of 13 numbers: rounding of a few 1e-16
        assert found[f"test/{name}/loss"] == pytest.approx(-np.log(p[range(M), labels]).mean(), rel=1e-12)


def test_mixed_predictions_average_probabilities():
    logits, found = scores(8)
    labels = source().labels
    p = 0.3 * softmax(logits[:, 0]) + 0.7 * softmax(logits[:, 1])
    assert found["test/mix_0.3/accuracy"] == (p.argmax(1) == labels).mean()
    assert found["test/mix_0.3/loss"] == pytest.approx(-np.log(p[range(M), labels]).mean(), rel=1e-12)
    for weight, name in ((1, "main"), (0, "aux")):
        for metric in ("accuracy", "top5_accuracy", "loss"):
            assert found[f"test/mix_{weight}/{metric}"] == found[f"test/{name}/{metric}"]


def test_mixed_predictions_can_average_logits():
    logits, found = scores(8, average="logits")
    labels = source().labels
    p = softmax(0.3 * logits[:, 0] + 0.7 * logits[:, 1])
    assert found["test/mix_0.3/loss"] == pytest.approx(-np.log(p[range(M), labels]).mean(), rel=1e-12)


def test_mixing_survives_probabilities_that_underflow():
    task = FixedLogits()
    task.table[..., 0] = 3000
    found = measured(task)
    assert np.isfinite(list(found.values())).all()
    assert found["test/mix_0.3/loss"] > 1000


def test_a_constant_prediction_is_right_about_nothing():
    task = FixedLogits()
    task.table[:] = 0
    found = measured(task)
    assert [value for name, value in found.items() if name.endswith("/accuracy")] == [0] * 5


def test_nan_is_right_about_nothing():
    task = FixedLogits()
    task.table[:] = np.nan
    found = measured(task)
    assert [value for name, value in found.items() if "accuracy" in name] == [0] * 10


def test_one_branch_has_nothing_to_mix():
    task = FixedLogits()
    task.branches, task.table = ("main",), task.table[:, :1]
    assert list(measured(task)) == ["test/main/accuracy", "test/main/top5_accuracy", "test/main/loss"]
