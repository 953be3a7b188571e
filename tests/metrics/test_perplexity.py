"""Loss and perplexity are those of all tokens together, however the sentences are cut into batches."""

import numpy as np
import pytest

from sbn.metrics.perplexity import Perplexity


def measured(nll, target, size):
    metric = Perplexity(("main", "half"))
    state = metric.init()
    for start in range(0, len(nll), size):
        rows, words = nll[start : start + size], target[start : start + size]
        missing = size - len(rows)
        valid = np.arange(size) < len(rows)
        rows, words = (
            np.pad(rows, ((0, missing), (0, 0)), constant_values=9),
            np.pad(words, ((0, missing), (0, 0)), constant_values=9),
        )
        state = metric.merge(metric.init(), metric.update(state, rows, {"target": words}, valid))
    return metric.compute(state)


def test_every_token_counts_once_in_batches_of_any_size():
    nll = np.array([[1.0, 2.0], [3.0, 5.0], [2.0, 2.0]], np.float32)
    target = np.array([[4, 1, 0], [5, 6, 1], [1, 0, 0]])  # 6 tokens
    for size in (1, 2, 3, 5):
        found = measured(nll, target, size)
        assert found["main/loss"] == pytest.approx(1.0)
        assert found["half/loss"] == pytest.approx(1.5)
        assert found["half/perplexity"] == pytest.approx(np.exp(1.5))
