"""Accuracy against plain NumPy in float64: every valid example once, whatever the batches; ties and NaN are wrong."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.metrics import sums
from sbn.metrics.accuracy import Accuracy, ranked

M, CLASSES = 13, 7
LAMBDAS = (0.0, 0.3, 1.0)
LABELS = np.random.default_rng(2).integers(0, CLASSES, M).astype(np.int32)


def table():
    return np.random.default_rng(1).normal(size=(M, 2, CLASSES)).astype(np.float32)


def state_of(metric, logits, labels=LABELS, *, batch_size=8):
    """The state after all examples, batch by batch; the last batch is filled up with NaN, which must not count."""
    update, state = jax.jit(metric.update), metric.init()
    for start in range(0, len(logits), batch_size):
        part, own = logits[start : start + batch_size], labels[start : start + batch_size]
        valid = np.arange(batch_size) < len(part)
        part = np.pad(part, [(0, batch_size - len(part)), (0, 0), (0, 0)], constant_values=np.nan)
        state = update(state, part, {"label": np.pad(own, (0, batch_size - len(own)))}, valid)
    return state


def measured(logits, *, mix=LAMBDAS, average="probabilities", batch_size=8, branches=("main", "aux")):
    metric = Accuracy(branches, mix, average)
    return metric.compute(state_of(metric, logits, batch_size=batch_size))


def softmax(x):
    e = np.exp(x.astype(np.float64))
    return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize("batch_size", [1, 8, 13, 50])
def test_every_example_counts_once_for_any_batch_size(batch_size):
    logits = table()
    found = measured(logits, batch_size=batch_size)
    for k, name in enumerate(("main", "aux")):
        p = softmax(logits[:, k])
        assert found[f"{name}/accuracy"] == (p.argmax(1) == LABELS).mean()
        top5 = np.mean([label in np.argsort(row)[-5:] for row, label in zip(p, LABELS, strict=True)])
        assert found[f"{name}/top5_accuracy"] == top5
        assert found[f"{name}/loss"] == pytest.approx(-np.log(p[range(M), LABELS]).mean(), rel=1e-6)  # of float32


def test_mixed_predictions_average_probabilities_and_the_ends_are_the_branches_to_the_bit():
    logits = table()
    found, p = measured(logits), 0.3 * softmax(logits[:, 0]) + 0.7 * softmax(logits[:, 1])
    assert found["mix_0.3/accuracy"] == (p.argmax(1) == LABELS).mean()
    assert found["mix_0.3/loss"] == pytest.approx(-np.log(p[range(M), LABELS]).mean(), rel=1e-6)
    for weight, name in ((1, "main"), (0, "aux")):
        for metric in ("accuracy", "top5_accuracy", "loss"):
            assert found[f"mix_{weight}/{metric}"] == found[f"{name}/{metric}"]


def test_mixed_predictions_can_average_logits():
    logits = table()
    p = softmax(0.3 * logits[:, 0] + 0.7 * logits[:, 1])
    found = measured(logits, average="logits")
    assert found["mix_0.3/loss"] == pytest.approx(-np.log(p[range(M), LABELS]).mean(), rel=1e-6)


def test_mixing_survives_probabilities_that_underflow():
    logits = table()
    logits[..., 0] = 3000
    found = measured(logits)
    assert np.isfinite(list(found.values())).all()
    assert found["mix_0.3/loss"] > 1000
    # those behind the first are still told apart
    order = np.argsort(-logits[:, 0], axis=-1)
    assert found["main/top5_accuracy"] == found["mix_1/top5_accuracy"]
    assert found["main/top5_accuracy"] == np.mean([LABELS[i] in order[i, :5] for i in range(M)])
    same = np.repeat(logits[:, :1], 2, axis=1)
    assert measured(same)["mix_0.3/top5_accuracy"] == found["main/top5_accuracy"]


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_constant_predictions_and_nan_are_right_about_nothing(value):
    found = measured(np.full((M, 2, CLASSES), value, np.float32))
    assert {found[name] for name in found if name.endswith("/accuracy")} == {0.0}
    assert np.isnan(value) == np.isnan(found["mix_0.3/loss"])


def test_one_branch_has_nothing_to_mix_and_few_classes_no_top5():
    assert list(measured(table()[:, :1], branches=("main",))) == ["main/accuracy", "main/top5_accuracy", "main/loss"]
    metric = Accuracy(("main",), top5=False)
    assert list(metric.compute(state_of(metric, table()[:, :1]))) == ["main/accuracy", "main/loss"]


def test_the_state_of_two_parts_merges_to_that_of_the_whole():
    metric, logits = Accuracy(("main", "aux"), LAMBDAS), table()
    parts = [state_of(metric, logits[where], LABELS[where]) for where in (slice(0, 5), slice(5, M))]
    merged, whole = metric.compute(metric.merge(*parts)), metric.compute(state_of(metric, logits))
    assert merged == pytest.approx(whole, rel=1e-6)
    assert [merged[name] == whole[name] for name in whole if "accuracy" in name] == [True] * 10


@pytest.mark.parametrize("average", ["probabilities", "logits"])
def test_ranks_are_those_of_float64(average):
    rng = np.random.default_rng(0)
    logits, labels = (5 * rng.normal(size=(400, 2, 6))).astype(np.float32), rng.integers(0, 6, 400)
    found, _ = ranked(jnp.asarray(logits), jnp.asarray(labels), mix=(0.25,), average=average)
    scores = logits.astype(np.float64) if average == "logits" else softmax(logits)
    every = [logits[:, 0], logits[:, 1], 0.25 * scores[:, 0] + 0.75 * scores[:, 1]]
    slow = [1 + (own > own[range(400), labels][:, None]).sum(axis=1) for own in every]
    np.testing.assert_array_equal(found, np.stack(slow, axis=1))


def test_long_sums_lose_nothing_but_the_rounding_of_their_parts():
    """A float32 of 2**24 no longer notices a 1: 1000 of them are 1000 nevertheless, compiled or not."""

    @jax.jit
    def many(total):
        return jax.lax.fori_loop(0, 1000, lambda _, total: sums.add(total, jnp.ones(())), total)

    total = many(sums.add(sums.zero(), jnp.float32(2**24)))
    assert float(total.value) + float(total.rest) == 2**24 + 1000
    assert sums.read(sums.add(total, total)) == 2 * (2**24 + 1000)
    assert np.isinf(sums.read(sums.add(total, jnp.float32(np.inf))))
    assert np.isnan(sums.read(sums.add(total, jnp.float32(np.nan))))
