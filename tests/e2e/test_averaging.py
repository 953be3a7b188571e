"""`optim.ema` and `init.only` through the public functions: trained, stopped, evaluated, exported, begun from."""

import json

import jax
import numpy as np
import pytest

from sbn import export
from sbn.config.errors import ConfigError
from sbn.evaluate import evaluate
from sbn.nn import branches
from sbn.train import Preempted, preemption, train
from tests.e2e import runs

EMA = {
    "duration": "4 steps",
    "optim.ema": 0.9,
    "optim.name": "adamw",
    "optim.lr": 0.01,
    "save.every": "2 steps",
    "eval.every": "0 steps",
    "stages": ("both", "one"),
    "stage.both.duration": "3 steps",
    "stage.one.duration": "1 steps",
    "stage.one.branches": ("main",),
}
SHORT = {"duration": "1 steps", "eval.every": "0 steps", "save.every": "0 steps", "optim.lr": 0.0}


@pytest.fixture(scope="module")
def averaged(tmp_path_factory, tiny):
    folder = tmp_path_factory.mktemp("runs") / "averaged"
    train(tiny(EMA), folder)
    return folder


@pytest.fixture(scope="module")
def state(averaged):
    return runs.final_state(averaged)


def assert_same(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, jax.tree.map(np.asarray, b))


def assert_differ(a, b):
    assert any((x != y).any() for x, y in zip(*map(jax.tree.leaves, (a, b)), strict=True))


def test_the_average_is_measured_beside_the_weights(averaged):
    metrics = json.loads((averaged / "result.json").read_text())["metrics"]
    assert metrics.keys() >= {"test/main/accuracy", "test_ema/main/accuracy", "test_ema/aux/loss"}
    assert metrics["test/main/loss"] != metrics["test_ema/main/loss"]


def test_the_average_leaves_the_weights_alone(tiny, tmp_path, as_users):
    averaged = tmp_path / "averaged"
    one = {**EMA, "stages": ("train",), "branches": ("main",), "views.main.augment": "flip", "duration": "2 steps"}
    one = {key: value for key, value in one.items() if not key.startswith("stage.")}
    train(tiny(one), averaged)
    train(tiny({**one, "optim.ema": None}), tmp_path / "without")
    without = runs.final_state(tmp_path / "without")
    assert without.ema is None
    runs.assert_same_state(without, runs.final_state(averaged)._replace(ema=None))


def test_a_stopped_run_ends_with_the_same_average(averaged, state, tiny, tmp_path, monkeypatch):
    asked = []

    class Stop(preemption.Notice):
        @property
        def given(self):
            asked.append(1)
            return len(asked) == 2

        @given.setter
        def given(self, value):
            pass

    monkeypatch.setattr(preemption, "Notice", Stop)
    with pytest.raises(Preempted, match="after step 2"):
        train(tiny(EMA), tmp_path / "run")
    monkeypatch.undo()
    train(tiny(EMA), tmp_path / "run")
    runs.assert_same_state(runs.final_state(tmp_path / "run"), state)
    assert runs.metric_lines(tmp_path / "run") == runs.metric_lines(averaged)


def test_evaluating_the_average_again_gives_what_training_logged(averaged):
    metrics = json.loads((averaged / "result.json").read_text())["metrics"]
    step, scalars = evaluate(averaged, weights="ema")
    assert step == 4
    assert scalars == {name: value for name, value in metrics.items() if name.startswith("test_ema/")}
    assert not (averaged / "artifacts/accuracy/4.json").exists()


def test_the_average_is_exported(averaged, state, tmp_path):
    about = export.export(averaged, out=tmp_path / "net", branch="aux", weights="ema")
    assert about["weights"] == "ema"
    assert_same(export.load(tmp_path / "net").variables, branches.select_branch(state.ema, 1))


def test_a_run_begins_from_the_average_and_goes_on_averaging(averaged, state, tiny, tmp_path):
    begin = {**SHORT, "init.from": str(averaged), "init.weights": "ema", "optim.momentum": 0.0, "optim.ema": 0.5}
    train(tiny(begin), tmp_path / "run")
    after = runs.final_state(tmp_path / "run")
    assert_same(after.params, state.ema["params"])
    record = json.loads((tmp_path / "run/init.json").read_text())
    assert (record["weights"], record["step"], int(after.step)) == ("ema", 4, 5)
    assert record["momentum"].startswith("fresh")


@pytest.mark.slow  # tests/train/test_parts.py takes parts of a run
def test_parts_of_another_run_begin_a_new_one(averaged, state, tiny, tmp_path):
    """Other classes would do as well: what is not named is fresh, and steps and learning rates begin at 0."""
    begin = {**SHORT, "seed": 3, "init.from": str(averaged), "init.only": ("stem*", "group1*"), "optim.momentum": 0.0}
    result = train(tiny(begin), tmp_path / "run")
    after = runs.final_state(tmp_path / "run")
    assert result["stages"] == {"train": [0, 1]}
    old, new = state.params, after.params
    for name in old:
        (assert_same if name.startswith(("stem", "group1")) else assert_differ)(old[name], new[name])
    record = json.loads((tmp_path / "run/init.json").read_text())
    assert (record["only"], record["momentum"]) == (["stem*", "group1*"], "fresh")
    assert record["source"] == result["init"]["source"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"init.from": "RUN", "init.only": ("steem",)}, ["init.only", "steem"]),
        ({"init.only": ("stem",)}, ["init.only", "init.from"]),
        ({"init.weights": "ema"}, ["init.weights", "init.from"]),
        ({"optim.ema": 1.0}, ["optim.ema", "less than 1"]),
    ],
)
def test_mistakes_are_one_line_before_anything_is_written(averaged, tiny, tmp_path, changes, words):
    changes = {key: str(averaged) if value == "RUN" else value for key, value in changes.items()}
    with pytest.raises(ConfigError) as caught:
        train(tiny({**SHORT, **changes}), tmp_path / "run")
    for word in words:
        assert word in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_run_without_an_average_has_none_to_evaluate(averaged, tiny, tmp_path):
    plain = tmp_path / "plain"
    train(tiny({**SHORT, "optim.momentum": 0.0}), plain)
    for use in (
        lambda: evaluate(plain, weights="ema"),
        lambda: export.export(plain, out=tmp_path / "x", weights="ema"),
    ):
        with pytest.raises(ConfigError, match=r"without optim\.ema"):
            use()
    with pytest.raises(ConfigError, match=r"without optim\.ema"):
        train(tiny({**SHORT, "init.from": str(plain), "init.weights": "ema"}), tmp_path / "run")
