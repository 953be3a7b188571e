"""Evaluators run when they are due, and leave scalars and files."""

import numpy as np
from etils import epath

from sbn.train.evaluation import Evaluation, summary
from sbn.train.plan import make_plan


def evaluator(name):
    def call(variables):
        yield f"test/main/{name}", variables["x"]
        yield f"test/main/{name}/detail", variables["x"] + 1
        yield f"test/main/{name}_curve", np.full(2, variables["x"])

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
    found = make(tiny(EVALS), tmp_path).run(["losses"], 10, {"x": 3.0})
    assert found == {"test/main/losses": 3.0, "test/main/losses/detail": 4.0}
    with np.load(tmp_path / "artifacts/losses/10.npz") as stored:
        np.testing.assert_array_equal(stored["test/main/losses_curve"], [3.0, 3.0])
    assert not (tmp_path / "artifacts/accuracy").exists()


def test_the_terminal_shows_no_details():
    assert summary({"test/main/error": 0.5, "test/main/error/fog_5": 0.25}) == "test/main/error 0.5000"
