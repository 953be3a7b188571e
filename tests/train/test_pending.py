"""What is logged is the mean of what was counted, over all steps since the last log line; a run stops at NaN."""

import numpy as np
import pytest

from sbn.train.pending import Diverged, Pending


def test_steps_that_weigh_more_count_more():
    pending = Pending()
    pending.add(1, {"loss": (np.float32(6), np.float32(2)), "lr": (np.float32(0.1), np.float32(1))})
    pending.add(2, {"loss": (np.float32(2), np.float32(6)), "lr": (np.float32(0.3), np.float32(1))})
    assert pending.flush() == {"train/loss": 1.0, "train/lr": pytest.approx(0.2)}
    assert pending.flush() == {}


def test_several_steps_of_one_call_are_steps():
    pending = Pending()
    pending.add(3, {"loss": (np.array([1.0, 2.0, 6.0]), np.array([1.0, 1.0, 1.0]))})
    assert pending.flush() == {"train/loss": 3.0}


def test_what_weighed_nothing_is_not_logged():
    pending = Pending()
    pending.add(1, {"loss": (np.float32(0), np.float32(0)), "lr": (np.float32(0.5), np.float32(1))})
    assert pending.flush() == {"train/lr": 0.5}


def test_the_first_step_whose_numbers_are_not_finite_is_named():
    pending = Pending()
    weights = np.ones(3)
    pending.add(6, {"a": (np.array([1, 1, np.nan]), weights), "b": (np.array([1, np.inf, 1]), weights)})
    with pytest.raises(Diverged, match=r"^b is inf at step 5:"):
        pending.flush()
