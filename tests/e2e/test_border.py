"""Where one stage ends and the next begins: a run stopped or killed there ends with an undisturbed one's bits.

The first stage's mixing fades until its end: what is left of it is a number that must go on where it stood; only the
first stage drops activations. Log lines of every step are compared too, losses and learning rates among them.
"""

import json
import pathlib
import signal
import subprocess
import sys

import pytest

from sbn.train import Preempted, preemption, train
from sbn.train.checkpoint import Checkpoints
from tests.e2e import runs

STAGES = {
    "branches": ("main",),
    "views.main.augment": "crop(2)|mixup(1)",
    "model.dropout": 0.3,
    "stages": ("train", "refine"),
    "stage.train.duration": "4 steps",
    "stage.train.views.main.fade": "3 steps",
    "stage.refine.duration": "3 steps",
    "stage.refine.views.main.augment": "flip",
    "stage.refine.schedule.kind": "constant",
    "stage.refine.optim.lr": 0.01,
    "stage.refine.model.dropout": 0.0,
    "save.every": "0 steps",
    "eval.every": "0 steps",
    "log.every": "1 steps",
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory, tiny):
    workdir = tmp_path_factory.mktemp("border") / "whole"
    train(tiny(STAGES), workdir)
    return workdir


def assert_same_run(workdir, whole):
    runs.assert_same_state(runs.final_state(workdir), runs.final_state(whole))
    assert runs.metric_lines(workdir) == runs.metric_lines(whole)
    results = [json.loads((folder / "result.json").read_text()) for folder in (workdir, whole)]
    assert results[0]["stages"] == results[1]["stages"] == {"train": [0, 4], "refine": [4, 7]}
    assert results[0]["metrics"] == results[1]["metrics"]


def stopped_after(monkeypatch, asked):
    """SIGTERM, as it were, while the step number `asked` of this process is done."""
    looked = []

    class Stop(preemption.Notice):
        @property
        def given(self):
            looked.append(1)
            return len(looked) == asked

        @given.setter
        def given(self, value):
            pass

    monkeypatch.setattr(preemption, "Notice", Stop)


class Killed(BaseException):
    """Stands for a kill: nothing more is saved."""


def test_a_run_stopped_or_killed_around_the_border_goes_on_exactly(whole, tiny, tmp_path, monkeypatch):
    """One run that dies before the border's checkpoint, stops before it, dies right after it, and stops after that."""
    save = Checkpoints.save

    def die_before(self, step, state, **options):
        raise Killed

    def die_after(self, step, state, **options):
        save(self, step, state, **options)
        raise Killed

    def checkpoints():
        return sorted(path.name for path in (tmp_path / "run/checkpoints").iterdir())

    def goes_as_far_as(expected):
        with pytest.raises((Killed, Preempted)):
            train(tiny(STAGES), tmp_path / "run")
        monkeypatch.undo()
        assert checkpoints() == expected
        assert not (tmp_path / "run/result.json").exists()

    monkeypatch.setattr(Checkpoints, "save", die_before)
    goes_as_far_as([])
    stopped_after(monkeypatch, 3)
    goes_as_far_as(["3"])
    monkeypatch.setattr(Checkpoints, "save", die_after)
    goes_as_far_as(["3", "4"])
    stopped_after(monkeypatch, 1)
    goes_as_far_as(["4", "5"])
    train(tiny(STAGES), tmp_path / "run")
    assert_same_run(tmp_path / "run", whole)


DYING = """
import json, os, signal, sys, time
from sbn.config.tree import checked
from sbn.train import checkpoint, loop, train

config, workdir, moment = checked(json.load(open(sys.argv[1]))), sys.argv[2], sys.argv[3]
save, make_step = checkpoint.Checkpoints.save, loop.make_step

def die():
    print("dies", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

def dying_save(self, step, state, **options):
    if step == 4 and moment == "before":
        die()
    save(self, step, state, **options)
    if step == 4 and moment.startswith("during"):  # the write goes on in other threads
        time.sleep(float(moment.removeprefix("during")))
        die()
    if step == 4 and moment == "written":
        self.wait()
        die()

def dying_step(task, stage, *args, **options):
    take = make_step(task, stage, *args, **options)
    def step(*args):
        made = take(*args)
        if stage.name == "refine" and moment == "after":
            die()
        return made
    return step

checkpoint.Checkpoints.save, loop.make_step = dying_save, dying_step
train(config, workdir)
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before", "during0", "during0.02", "during0.1", "during0.3", "written", "after"])
def test_a_run_killed_around_the_border_ends_with_the_same_bits(whole, tiny, tmp_path, moment):
    config = tmp_path / "config.json"
    config.write_text(json.dumps(tiny(STAGES).to_dict()))
    process = subprocess.run(
        [sys.executable, "-c", DYING, str(config), str(tmp_path / "run"), moment],
        cwd=runs.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == -signal.SIGKILL, process.stdout + process.stderr
    assert process.stdout.splitlines()[-1] == "dies"
    if moment in ("before", "written"):
        there = [path.name for path in pathlib.Path(tmp_path / "run/checkpoints").iterdir() if path.name.isdigit()]
        assert there == ([] if moment == "before" else ["4"])
    train(tiny(STAGES), tmp_path / "run")
    assert not list((tmp_path / "run").glob("damaged_*"))
    assert_same_run(tmp_path / "run", whole)
