"""Configs of older runs have keys that are gone: they are read as what they say today."""

import pytest

from sbn.config import tree
from sbn.config.errors import ConfigError
from sbn.config.evaluation import ANALYSES, rhythm_key
from sbn.config.retired import renewed
from sbn.config.stored import differences

OLD = {"eval": {"long_every": "3 epochs", "evals": ["accuracy", "losses"]}}


def test_the_common_rhythm_of_long_evaluators_is_that_of_each():
    config = tree.checked(OLD)
    flat = tree.flatten(config)
    assert {flat[rhythm_key(name)] for name in ANALYSES} == {"3 epochs"}
    assert flat[rhythm_key("metrics")] == "10 epochs"
    assert flat[rhythm_key("mine:Evaluator")] == "0 steps"
    assert "long_every" not in config.eval


def test_a_key_that_is_there_keeps_its_value():
    assert renewed({"eval.long_every": "1 epoch", "eval.losses.every": "2 epochs"})["eval.losses.every"] == "2 epochs"


def test_an_older_run_is_still_one_of_its_row_whenever_it_measured():
    stated = tree.flatten(tree.checked({}))
    stored = {**OLD, "seed": 0}
    assert differences(stored, stated) == {}


def test_the_old_key_is_unknown_to_who_writes_it_today():
    with pytest.raises(ConfigError, match=r"unknown config key 'eval\.long_every'"):
        tree.changed(tree.defaults(), {"eval.long_every": "1 epoch"})
