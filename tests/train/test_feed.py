"""A stage is cut into calls of several steps, which no event falls within, and each call is fed what it takes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbn.train.feed import call_sizes, in_calls


def cut(start, stop, most, due=()):
    return list(call_sizes(start, stop, most=most, due=set(due).__contains__))


@pytest.mark.parametrize(
    ("start", "stop", "most", "due", "expected"),
    [
        (0, 3, 1, [2], [1, 1, 1]),
        (0, 8, 4, [], [4, 4]),
        (0, 8, 4, [4, 8], [4, 4]),  # what is due where a call ends cuts nothing
        (0, 7, 4, [], [4, 1, 1, 1]),  # a call never passes the end
        (0, 8, 4, [5], [4, 1, 1, 1, 1]),
        (5, 13, 4, [4], [4, 4]),  # what was due before is of no interest
        (8, 8, 4, [], []),
    ],
)
def test_calls_pass_over_nothing_that_is_due(start, stop, most, due, expected):
    assert cut(start, stop, most, due) == expected


@given(
    st.integers(0, 20), st.integers(0, 60), st.integers(1, 9), st.sets(st.integers(0, 80), max_size=8), st.integers(0)
)
def test_going_on_from_any_cut_makes_the_same_cuts(start, length, most, due, place):
    whole = cut(start, start + length, most, due)
    assert sum(whole) == length
    done = place % (len(whole) + 1)
    assert cut(start + sum(whole[:done]), start + length, most, due) == whole[done:]


def test_each_call_is_fed_its_own_batches_in_order():
    batches = [{"id": np.arange(2) + 10 * step} for step in range(5)]
    taken = list(in_calls(batches, [2, 1, 2]))
    assert [size for size, _ in taken] == [2, 1, 2]
    assert [batch["id"].tolist() for _, batch in taken] == [[[0, 1], [10, 11]], [20, 21], [[30, 31], [40, 41]]]
