"""What an evaluator yields, of a user's own too: pairs of names and numbers or arrays, or one line that says so."""

import math

import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.evals.base import add, run


def yields(*values):
    def measure(variables):
        yield from values

    return measure


def test_numbers_and_arrays_are_told_apart():
    scalars, arrays = run(yields(("a", 1), ("b", np.float32(0.5)), ("c", np.arange(3)), ("d", True)), {})
    assert scalars == {"a": 1.0, "b": 0.5, "d": 1.0}
    assert {name: array.tolist() for name, array in arrays.items()} == {"c": [0, 1, 2]}


@pytest.mark.parametrize(
    ("measure", "message"),
    [
        (lambda variables: None, "returned a NoneType: it must yield pairs"),
        (lambda variables: 0.5, "returned a float"),
        (lambda variables: {"loss": 0.5}, "yields 'loss': it must yield pairs"),
        (yields(0.5), "yields 0.5: it must yield pairs"),
        (yields((0.5, "a")), r"yields \(0.5, 'a'\): it must yield pairs"),
        (yields(("a", 1.0), ("a", 2.0)), "yields 'a' twice"),
        (yields(("step", 1.0)), "yields 'step', which no metric may be called"),
        (yields(("a", None)), "yields 'a' with a NoneType: a value is a number or an array"),
        (yields(("a", "high")), "yields 'a' with a str"),
    ],
)
def test_anything_else_is_refused_in_one_line(measure, message):
    with pytest.raises(ConfigError, match=message) as caught:
        run(measure, {})
    assert "\n" not in str(caught.value)


def test_a_number_of_one_evaluator_does_not_take_the_place_of_anothers():
    """'accuracy' and 'metrics' both measure the task's metrics: the same value may come twice."""
    scalars = {"test/main/accuracy": 0.5, "test/main/loss": math.nan}
    add(
        scalars, {"test/main/accuracy": 0.5, "test/main/loss": math.nan, "test/main/edges": 0.1}, evaluator="mine:Edges"
    )
    assert scalars["test/main/edges"] == 0.1
    with pytest.raises(ConfigError, match=r"mine:Edges yields 'test/main/accuracy' = 0.99, which another .* as 0.5"):
        add(scalars, {"test/main/accuracy": 0.99}, evaluator="mine:Edges")
