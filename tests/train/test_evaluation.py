"""Evaluators run when they are due; what they leave comes back as it was, and a reader never finds half a file."""

import os

import jax
import numpy as np
import pytest
from etils import epath
from matplotlib.figure import Figure
from ml_collections import ConfigDict

from sbn.figures import make
from sbn.runs.content import read_json
from sbn.train import evaluation
from sbn.train.evaluation import Evaluation, summary
from sbn.train.plan import make_plan
from sbn.train.state import TrainState

STATE = TrainState(step=10, params={"x": 3.0}, batch_stats={}, opt_state={})


def evaluator(name):
    def call(variables):
        yield f"test/main/{name}", variables["params"]["x"]
        yield f"test/main/{name}/detail", variables["params"]["x"] + 1
        yield f"test/main/{name}_curve", np.full(2, variables["params"]["x"])

    return call


def evaluation_of(config, folder):
    plan = make_plan(config, examples=40)
    return Evaluation({name: evaluator(name) for name in config.eval.evals}, plan, epath.Path(folder), config=config)


EVALS = {"eval.evals": ("accuracy", "losses", "views")}
TWO_STAGES = {**EVALS, "stages": ("a", "b"), "stage.a.duration": "6 steps", "stage.b.duration": "4 steps"}


def test_accuracy_keeps_its_rhythm_and_stage_ends_the_others_stage_ends_alone(tiny, tmp_path):
    evaluation = evaluation_of(tiny({**TWO_STAGES, "eval.every": "4 steps"}), tmp_path)
    due = {step: evaluation.due(step) for step in range(1, 11)}
    assert {step for step in due if "accuracy" in due[step]} == {4, 6, 8, 10}
    assert {step for step in due if "losses" in due[step]} == {6, 10}


def test_every_evaluator_has_a_rhythm_of_its_own(tiny, tmp_path):
    evaluation = evaluation_of(
        tiny({**TWO_STAGES, "eval.every": "0 steps", "eval.losses.every": "3 steps", "eval.views.every": "4 steps"}),
        tmp_path,
    )
    due = {step: evaluation.due(step) for step in range(1, 11)}
    assert {step for step in due if "accuracy" in due[step]} == {6, 10}
    assert {step for step in due if "losses" in due[step]} == {3, 6, 9, 10}
    assert {step for step in due if "views" in due[step]} == {4, 6, 8, 10}


def test_scalars_are_returned_and_arrays_written(tiny, tmp_path):
    found = evaluation_of(tiny(EVALS), tmp_path).run(["losses"], 10, STATE)
    assert found == {"test/main/losses": 3.0, "test/main/losses/detail": 4.0}
    with np.load(tmp_path / "artifacts/losses/10.npz") as stored:
        np.testing.assert_array_equal(stored["test/main/losses_curve"], [3.0, 3.0])
    assert not (tmp_path / "artifacts/accuracy").exists()


def test_an_average_of_the_weights_is_measured_by_the_tasks_own_metrics_alone(tiny, tmp_path):
    averaged = STATE._replace(ema={"params": {"x": 5.0}, "batch_stats": {}})
    found = evaluation_of(tiny(EVALS), tmp_path).run(["accuracy", "losses"], 10, averaged)
    assert {name: value for name, value in found.items() if name.count("/") == 2} == {
        "test/main/accuracy": 3.0,
        "test_ema/main/accuracy": 5.0,
        "test/main/losses": 3.0,
    }
    with np.load(tmp_path / "artifacts/accuracy/10.npz") as stored:
        np.testing.assert_array_equal(stored["test/main/accuracy_curve"], [3.0, 3.0])


def test_the_terminal_shows_no_details():
    assert summary({"test/main/error": 0.5, "test/main/error/fog_5": 0.25}) == "test/main/error 0.5000"


ARRAYS = {"test/main/curve": np.arange(3.0), "test/aux/table": np.array([[1, 2]], np.int32)}


def draw(arrays):
    figure = Figure()
    figure.subplots().plot(arrays["test/main/curve"])
    return figure


def test_arrays_keep_their_names_kinds_and_values(tmp_path):
    (path,) = evaluation.write_arrays(epath.Path(tmp_path), "curves", 7, ARRAYS, config=ConfigDict())
    assert str(path) == str(tmp_path / "artifacts/curves/7.npz")
    with np.load(path) as stored:
        assert set(stored) == set(ARRAYS)
        for name, array in ARRAYS.items():
            assert stored[name].dtype == array.dtype
            np.testing.assert_array_equal(stored[name], array)


def test_a_picture_stands_beside_the_arrays_where_there_is_one(tmp_path, monkeypatch):
    monkeypatch.setitem(make.FIGURES, "curves", draw)
    written = evaluation.write_arrays(epath.Path(tmp_path), "curves", 7, ARRAYS, config=ConfigDict())
    assert [path.name for path in written] == ["7.npz", "7.png"]
    assert (tmp_path / "artifacts/curves/7.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_nothing_is_written_without_arrays_nor_by_another_process(tmp_path, monkeypatch):
    assert evaluation.write_arrays(epath.Path(tmp_path), "accuracy", 7, {}, config=ConfigDict()) == []
    monkeypatch.setattr(jax, "process_index", lambda: 1)
    assert evaluation.write_arrays(epath.Path(tmp_path), "curves", 7, ARRAYS, config=ConfigDict()) == []
    evaluation.write_scalars(epath.Path(tmp_path), "curves", 7, {"a": 1.0}, {}, config=ConfigDict())
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = epath.Path(tmp_path)
    evaluation.write_arrays(path, "curves", 7, ARRAYS, config=ConfigDict())
    before = (tmp_path / "artifacts/curves/7.npz").read_bytes()

    def fail(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        evaluation.write_arrays(path, "curves", 7, {"test/main/curve": np.zeros(9)}, config=ConfigDict())
    assert (tmp_path / "artifacts/curves/7.npz").read_bytes() == before


def test_scalars_say_what_was_changed_for_them(tmp_path):
    evaluation.write_scalars(
        epath.Path(tmp_path),
        "accuracy",
        7,
        {"test/main/accuracy": 0.5},
        {"eval.average": "logits"},
        config=ConfigDict({"seed": 3}),
    )
    assert read_json(tmp_path / "artifacts/accuracy/7.json") == {
        "format": 1,
        "step": 7,
        "overrides": {"eval.average": "logits"},
        "metrics": {"test/main/accuracy": 0.5},
        "config": {"seed": 3},
    }


def test_what_an_evaluator_of_a_users_own_leaves_lies_in_a_folder_without_a_colon(tmp_path):
    """Some file systems allow none in a name; the report looks in the same folder."""
    name, folder = "package.module:Curves", epath.Path(tmp_path)
    (path,) = evaluation.write_arrays(folder, name, 7, {"lines": np.zeros(2)}, config=ConfigDict())
    evaluation.write_scalars(folder, name, 7, {"test/a": 1.0}, {}, config=ConfigDict())
    assert str(path) == str(tmp_path / "artifacts/package.module.Curves/7.npz")
    assert {file.name for file in (tmp_path / "artifacts").rglob("*")} == {"package.module.Curves", "7.npz", "7.json"}
