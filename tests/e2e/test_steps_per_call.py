"""Several steps a call: the run that one step a call makes, to the bit, also after a kill."""

import signal

import pytest

from sbn.config.errors import ConfigError
from sbn.train import step as steps
from sbn.train import train
from tests.e2e import runs

RHYTHM = {
    # a program of several steps is as many times as large: one small view says of them what two would
    "branches": ("main",),
    "views.main.augment": "flip",
    "duration": "14 steps",
    "log.every": "4 steps",
    "save.every": "6 steps",
    "eval.every": "12 steps",
}
SEVERAL = {**RHYTHM, "steps_per_call": 4}


@pytest.fixture(scope="module", params=["device", pytest.param("host", marks=pytest.mark.slow)])
def path(request):
    return {"data.path": request.param}


def test_a_run_is_the_one_of_one_step_a_call(tiny, path, tmp_path, monkeypatch, as_users):
    """Calls of 4 steps from 0 and 8 on, the others alone: a save after 6 stands in the way, and the end after 14."""
    sizes, original = [], steps.make_step

    def counting(*args, **options):
        take_step = original(*args, **options)

        def take(*fed):
            sizes.append(options["steps"])
            return take_step(*fed)

        return take

    train(tiny({**RHYTHM, **path}), tmp_path / "one")
    monkeypatch.setattr("sbn.train.loop.make_step", counting)
    train(tiny({**SEVERAL, **path}), tmp_path / "several")
    assert sizes == [4, 1, 1, 1, 1, 4, 1, 1]
    runs.assert_same_state(runs.final_state(tmp_path / "one"), runs.final_state(tmp_path / "several"))
    assert runs.metric_lines(tmp_path / "one") == runs.metric_lines(tmp_path / "several")


@pytest.mark.slow
def test_a_killed_run_resumes_bit_for_bit(tiny, tmp_path):
    process = runs.start(tiny(SEVERAL), tmp_path / "killed")
    assert runs.signal_at(process, "step  8/14", signal.SIGKILL)[0] == -signal.SIGKILL
    train(tiny(SEVERAL), tmp_path / "killed")
    train(tiny(SEVERAL), tmp_path / "whole")
    runs.assert_same_state(runs.final_state(tmp_path / "whole"), runs.final_state(tmp_path / "killed"))


def test_batches_whose_size_is_drawn_are_refused(tiny, tmp_path):
    with pytest.raises(ConfigError, match=r"steps_per_call is 4"):
        train(tiny({**SEVERAL, "views.main.augment": "random_crop_of((12, 16))"}), tmp_path / "run")
