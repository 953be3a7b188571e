"""Runs whose numbers are no longer finite: they say at which step, and what they keep is good."""

import json

import jax
import numpy as np
import pytest

from sbn.train import Diverged, train
from sbn.train import step as steps
from tests.e2e import runs

RHYTHM = {"save.every": "4 steps"}


@pytest.fixture
def poison(monkeypatch):
    """Returns a function that has every step's result go through `change(step, state, metrics)`, until undone."""

    def apply(change):
        def make_step(*args, **options):
            take_step = steps.make_step(*args, **options)

            def poisoned(state, *fed):
                step = int(state.step)
                return change(step, *take_step(state, *fed))

            return poisoned

        monkeypatch.setattr("sbn.train.loop.make_step", make_step)
        return monkeypatch.undo

    return apply


def test_a_run_that_diverges_says_where_and_keeps_its_last_good_checkpoint(tiny, tmp_path, poison):
    """Loss and gradient become infinite in step 5, right after a checkpoint began to be written."""

    def change(step, state, metrics):
        return state, {
            **metrics,
            "loss": (metrics["loss"][0] * float("inf"), metrics["loss"][1]),
        } if step == 4 else metrics

    undo = poison(change)
    with pytest.raises(Diverged, match=r"loss is inf at step 5:"):
        train(tiny(RHYTHM), tmp_path / "run")
    assert not (tmp_path / "run/result.json").exists()
    assert "loss is inf at step 5" in json.loads((tmp_path / "run/progress.json").read_text())["failed"]
    assert [path.name for path in (tmp_path / "run/checkpoints").iterdir()] == ["4"]
    undo()
    train(tiny(RHYTHM), tmp_path / "run")  # what is kept is good: the run ends as if undisturbed
    train(tiny(RHYTHM), tmp_path / "whole")
    runs.assert_same_state(runs.final_state(tmp_path / "run"), runs.final_state(tmp_path / "whole"))


def test_a_state_that_is_not_finite_is_not_saved(tiny, tmp_path, poison):
    """An update, or a running variance, can overflow although loss and gradient are finite."""

    def change(step, state, metrics):
        return state._replace(batch_stats=jax.tree.map(lambda leaf: leaf + np.inf, state.batch_stats)), metrics

    poison(change)
    with pytest.raises(Diverged, match=r"the state after step 1 is no longer finite"):
        train(tiny({"save.every": "1 steps"}), tmp_path / "run")
    assert not list((tmp_path / "run/checkpoints").iterdir())


@pytest.mark.slow
def test_the_step_that_diverges_is_named_wherever_in_its_call_it_stands(tiny, tmp_path, poison):
    def change(step, state, metrics):
        return state, {
            **metrics,
            "loss": (metrics["loss"][0].at[2].set(float("nan")), metrics["loss"][1]),
        } if step == 0 else metrics

    poison(change)
    with pytest.raises(Diverged, match="loss is nan at step 3:"):
        train(tiny({"steps_per_call": 4, "log.every": "4 steps", "save.every": "4 steps"}), tmp_path / "run")
