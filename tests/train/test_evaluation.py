"""Evaluators run when they are due, and leave scalars and files."""

import numpy as np
from etils import epath

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


def make(config, folder):
    plan = make_plan(config, examples=40)
    return Evaluation({name: evaluator(name) for name in config.eval.evals}, plan, epath.Path(folder))


EVALS = {"eval.evals": ("accuracy", "losses", "views")}
TWO_STAGES = {**EVALS, "stages": ("a", "b"), "stage.a.duration": "6 steps", "stage.b.duration": "4 steps"}


def test_accuracy_keeps_its_rhythm_and_stage_ends_the_others_stage_ends_alone(tiny, tmp_path):
    evaluation = make(tiny({**TWO_STAGES, "eval.every": "4 steps"}), tmp_path)
    due = {step: evaluation.due(step) for step in range(1, 11)}
    assert {step for step in due if "accuracy" in due[step]} == {4, 6, 8, 10}
    assert {step for step in due if "losses" in due[step]} == {6, 10}


def test_every_evaluator_has_a_rhythm_of_its_own(tiny, tmp_path):
    evaluation = make(
        tiny({**TWO_STAGES, "eval.every": "0 steps", "eval.losses.every": "3 steps", "eval.views.every": "4 steps"}),
        tmp_path,
    )
    due = {step: evaluation.due(step) for step in range(1, 11)}
    assert {step for step in due if "accuracy" in due[step]} == {6, 10}
    assert {step for step in due if "losses" in due[step]} == {3, 6, 9, 10}
    assert {step for step in due if "views" in due[step]} == {4, 6, 8, 10}


def test_scalars_are_returned_and_arrays_written(tiny, tmp_path):
    found = make(tiny(EVALS), tmp_path).run(["losses"], 10, STATE)
    assert found == {"test/main/losses": 3.0, "test/main/losses/detail": 4.0}
    with np.load(tmp_path / "artifacts/losses/10.npz") as stored:
        np.testing.assert_array_equal(stored["test/main/losses_curve"], [3.0, 3.0])
    assert not (tmp_path / "artifacts/accuracy").exists()


def test_an_average_of_the_weights_is_measured_by_the_tasks_own_metrics_alone(tiny, tmp_path):
    averaged = STATE._replace(ema={"params": {"x": 5.0}, "batch_stats": {}})
    found = make(tiny(EVALS), tmp_path).run(["accuracy", "losses"], 10, averaged)
    assert {name: value for name, value in found.items() if name.count("/") == 2} == {
        "test/main/accuracy": 3.0,
        "test_ema/main/accuracy": 5.0,
        "test/main/losses": 3.0,
    }
    with np.load(tmp_path / "artifacts/accuracy/10.npz") as stored:
        np.testing.assert_array_equal(stored["test/main/accuracy_curve"], [3.0, 3.0])


def test_the_terminal_shows_no_details():
    assert summary({"test/main/error": 0.5, "test/main/error/fog_5": 0.25}) == "test/main/error 0.5000"
