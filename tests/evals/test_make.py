"""The table of evaluators and the schema name the same ones, and only those asked for are built."""

import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.config.evaluation import rhythm_key
from sbn.config.schema import BY_NAME
from sbn.evals import make
from sbn.evals.base import Materials, run


def test_the_schema_and_the_table_name_the_same_evaluators():
    assert sorted(make.EVALUATORS) == sorted(BY_NAME["eval.evals"].choices)


def test_every_evaluator_has_a_rhythm_that_the_schema_knows():
    for name in (*make.EVALUATORS, "package.module:Name"):
        assert BY_NAME[rhythm_key(name)].kind == "duration"


def test_only_the_evaluators_asked_for_are_built_in_their_order(tiny, monkeypatch):
    built = []
    monkeypatch.setattr(
        make, "EVALUATORS", {name: lambda materials, name=name: built.append(name) or name for name in "abc"}
    )
    config = tiny()
    with config.unlocked():
        config.eval.evals = ("c", "a")
    assert list(make.make_evaluators(Materials(config, None, None, train=None, test=None))) == ["c", "a"]
    assert built == ["c", "a"]


def test_an_unknown_evaluator_is_named_with_the_nearest(tiny):
    with pytest.raises(ConfigError, match="'acuracy'; did you mean 'accuracy'"):
        tiny({"eval.evals": ("acuracy",)})
    with pytest.raises(ConfigError, match="duplicate"):
        tiny({"eval.evals": ("accuracy", "accuracy")})


def test_running_an_evaluator_parts_scalars_and_arrays():
    def evaluator(variables):
        yield "test/main/accuracy", np.float64(variables["x"])
        yield "test/main/curve", np.arange(3)

    scalars, arrays = run(evaluator, {"x": 0.25})
    assert scalars == {"test/main/accuracy": 0.25}
    assert type(scalars["test/main/accuracy"]) is float
    assert list(arrays) == ["test/main/curve"]
