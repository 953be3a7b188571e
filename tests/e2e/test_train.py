"""A run from end to end: what it writes, that it resumes bit for bit, that evaluation repeats what training logged."""

import json
import shutil
import signal
import subprocess
import sys

import jax
import numpy as np
import pytest

from sbn import evaluate
from sbn.config import tree
from sbn.config.checks import check
from sbn.config.errors import ConfigError
from sbn.train import Origin, Preempted, preemption, train
from tests.conftest import TINY
from tests.e2e import runs


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """An uninterrupted run of the tiny config, and what it returned."""
    workdir = tmp_path_factory.mktemp("runs") / "whole"
    config = check(tree.to_config(tree.changed(tree.defaults(), TINY)))
    return workdir, train(config, workdir, origin=Origin("file", "table/row", {"optim.lr": 0.05}))


def test_a_run_leaves_its_files_and_the_result_last(finished):
    workdir, result = finished
    names = {path.name for path in workdir.iterdir()}
    records = {f"{name}.json" for name in ("config", "data", "progress", "provenance", "result")}
    assert names == {"checkpoints", "metrics.jsonl", *records}
    stored = json.loads((workdir / "result.json").read_text())
    assert (stored["experiment"], stored["row"], stored["overrides"], stored["steps"]) == (
        "file",
        "table/row",
        {"optim.lr": 0.05},
        10,
    )
    assert stored["metrics"] == result["metrics"]
    (start,) = json.loads((workdir / "provenance.json").read_text())
    assert start["packages"]["jax"] == jax.__version__
    assert start["data"].keys() == {"train", "test"}


def test_metrics_are_logged_when_due(finished):
    lines = runs.metric_lines(finished[0])
    trained = [line["step"] for line in lines if "train/loss" in line]
    assert trained == [2, 3, 4, 5, 6, 8, 9, 10]  # every 2 steps, at checkpoints, every 3, and evaluations, every 5
    assert [line["step"] for line in lines if "test/main/accuracy" in line] == [5, 10]
    names = {
        "train/loss",
        "train/main/loss",
        "train/aux/loss",
        "train/main/accuracy",
        "train/aux/accuracy",
        "train/grad_norm",
        "train/lr",
        "step",
    }
    assert lines[0].keys() == names
    for branch in ("main", "aux", "mix_0.5"):
        assert {f"test/{branch}/accuracy", f"test/{branch}/top5_accuracy", f"test/{branch}/loss"} <= finished[1][
            "metrics"
        ].keys()


def test_both_branches_learn_statistics_of_their_own(finished):
    state = runs.final_state(finished[0])
    for leaf in jax.tree.leaves(state.batch_stats):
        assert leaf.shape[0] == 2
        assert (leaf[0] != leaf[1]).any()


def test_training_again_returns_at_once_what_is_there(finished, tiny, monkeypatch):
    monkeypatch.setattr("sbn.train.loop.make_setup", None)  # would be called before anything is trained
    assert train(tiny(), finished[0])["metrics"] == finished[1]["metrics"]


def test_evaluate_gives_exactly_what_training_logged(finished):
    step, scores = evaluate.evaluate(finished[0])
    (line,) = [line for line in runs.metric_lines(finished[0]) if "test/main/accuracy" in line and line["step"] == step]
    assert step == 10
    assert scores == {name: value for name, value in line.items() if name != "step"}


def test_evaluate_leaves_scalars_with_what_was_changed_and_nothing_of_trainings(finished, tmp_path):
    workdir = tmp_path / "copy"
    shutil.copytree(finished[0], workdir, ignore=shutil.ignore_patterns("artifacts"))
    before = {path: path.read_bytes() for path in workdir.rglob("*") if path.is_file()}
    changes = {"eval.average": "logits", "eval.batch_size": 5}
    _, scores = evaluate.evaluate(workdir, evals=["accuracy"], overrides=changes)
    stored = json.loads((workdir / "artifacts/accuracy/10.json").read_text())
    assert (stored["step"], stored["overrides"], stored["metrics"]) == (10, changes, scores)
    assert scores["test/mix_0.5/loss"] != finished[1]["metrics"]["test/mix_0.5/loss"]
    assert {path: path.read_bytes() for path in before} == before


def test_evaluate_changes_eval_keys_alone(finished):
    with pytest.raises(ConfigError, match=r"optim\.lr can't be changed"):
        evaluate.evaluate(finished[0], overrides={"optim.lr": 1.0})
    with pytest.raises(ConfigError, match=r"did you mean 'eval\.average'"):
        evaluate.evaluate(finished[0], overrides={"eval.avrage": "logits"})


def test_evaluate_names_unknown_evaluators_and_empty_folders(finished, tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'accuracy'"):
        evaluate.evaluate(finished[0], evals=["acuracy"])
    with pytest.raises(ConfigError, match="holds no run"):
        evaluate.evaluate(tmp_path)


@pytest.mark.parametrize(
    "stop_at", [pytest.param(1, marks=pytest.mark.slow), 4, pytest.param(9, marks=pytest.mark.slow)]
)
def test_a_preempted_run_saves_and_goes_on_to_the_same_bits(finished, tiny, tmp_path, stop_at, monkeypatch):
    notices = []

    class Stop(preemption.Notice):
        @property
        def given(self):
            notices.append(1)
            return len(notices) == stop_at

        @given.setter
        def given(self, value):
            pass

    monkeypatch.setattr(preemption, "Notice", Stop)
    with pytest.raises(Preempted, match=f"after step {stop_at}"):
        train(tiny(), tmp_path / "run")
    assert not (tmp_path / "run/result.json").exists()
    monkeypatch.undo()
    result = train(tiny(), tmp_path / "run")
    runs.assert_same_state(runs.final_state(tmp_path / "run"), runs.final_state(finished[0]))
    assert result["metrics"] == finished[1]["metrics"]


def test_sigkill_then_the_same_command_gives_the_same_bits_and_the_same_metrics(finished, tiny, tmp_path):
    process = runs.start(tiny(), tmp_path / "run")
    assert runs.signal_at(process, "step  6/10", signal.SIGKILL)[0] == -signal.SIGKILL
    assert not (tmp_path / "run/result.json").exists()
    train(tiny(), tmp_path / "run")
    runs.assert_same_state(runs.final_state(tmp_path / "run"), runs.final_state(finished[0]))
    assert runs.metric_lines(tmp_path / "run") == runs.metric_lines(finished[0])
    assert len(json.loads((tmp_path / "run/provenance.json").read_text())) == 2


def test_sigterm_saves_and_exits_75(tmp_path):
    command = [sys.executable, "-m", "sbn.train", "--config=experiments/quickstart.py:methods/weak_augment"]
    changes = {**TINY, "duration": "5000 steps", "log.every": "1 steps", "save.every": "0 steps"}
    flags = [
        f"--config.{name}={','.join(value) if isinstance(value, tuple) else value}" for name, value in changes.items()
    ]
    process = subprocess.Popen(
        [*command, *flags, f"--workdir={tmp_path / 'run'}"],
        cwd=runs.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    code, output = runs.signal_at(process, "step    3/5000", signal.SIGTERM)
    assert code == 75, output
    assert "saved after step" in output
    (checkpoint,) = (tmp_path / "run/checkpoints").iterdir()
    assert f"saved after step {checkpoint.name}," in output


def test_a_workdir_that_is_no_folder_is_refused(tiny, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="is a file"):
        train(tiny(), tmp_path / "file")
    with pytest.raises(ConfigError, match="is empty"):
        train(tiny(), "")
    (tmp_path / "run").mkdir()
    (tmp_path / "run/config.json").write_text("{")
    with pytest.raises(ConfigError, match="is damaged"):
        train(tiny(), tmp_path / "run")


def test_another_config_in_the_same_folder_is_refused(finished, tiny):
    with pytest.raises(ConfigError, match=r"seed: 0 there, 5 here"):
        train(tiny({"seed": 5}), finished[0])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"views.aux.augment": "randagment(1, 4)"}, ["views.aux.augment", "randagment", "randaugment"]),
        ({"views.aux.augment": "randaugment(0, 4)"}, ["views.aux.augment", "layers", "0"]),
        ({"batch_size": 41}, ["batch_size", "41", "40"]),
        ({"model.depth": 11}, ["depth", "11"]),
        ({"views.aux.augment": "crop(40, 'reflect')"}, ["views.aux.augment", "crop(pad) is 40", "16"]),
        ({"views.aux.augment": "resize_and_pad(17)"}, ["views.aux.augment", "resize_and_pad(size) is 17", "16"]),
        ({"views.aux.augment": "blur(side=33)"}, ["views.aux.augment", "blur(side) is 33", "32"]),
        (
            {"views.aux.augment": "flip|random_crop(17)"},
            ["views.aux.augment", "op 2 of 2", "random_crop(size) is 17", "16"],
        ),
        ({"views.aux.augment": "|".join(["flip"] * 17)}, ["views.aux.augment", "too many flip"]),
        ({"schedule.warmup": "11 steps"}, ["schedule.warmup", "11 steps"]),
        ({"schedule.kind": "step", "schedule.boundaries": ("5 steps", "4 steps")}, ["schedule.boundaries"]),
        ({"optim.clip_norm": 0.0}, ["optim.clip_norm"]),
        ({"optim.momentum": 1.0}, ["optim.momentum"]),
    ],
)
def test_what_cannot_run_is_refused_before_anything_is_written(tiny, tmp_path, changes, words):
    with pytest.raises(ConfigError) as caught:
        train(tiny(changes), tmp_path / "run")
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_seeds_differ_and_repeat(tiny, tmp_path):
    short = {"duration": "2 steps"}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(tiny({**short, "seed": seed}), tmp_path / name)
    a, b, c = (runs.final_state(tmp_path / name) for name in "abc")
    runs.assert_same_state(a, b)
    assert any((x != y).any() for x, y in zip(jax.tree.leaves(a.params), jax.tree.leaves(c.params), strict=True))


@pytest.mark.slow
def test_stages_carry_over_and_resume_across_the_border(tiny, tmp_path):
    """Split training, then refinement of the main branch alone: aux's statistics stay as they were."""
    changes = {
        "stages": ("train", "refine"),
        "stage.train.duration": "4 steps",
        "stage.refine.duration": "4 steps",
        "stage.refine.branches": ("main",),
        "stage.refine.views.main.augment": "flip",
        "stage.refine.optim.lr": 0.01,
        "save.every": "4 steps",
    }
    train(tiny(changes), tmp_path / "whole")
    process = runs.start(tiny(changes), tmp_path / "killed")
    assert runs.signal_at(process, "step 6/8", signal.SIGKILL)[0] == -signal.SIGKILL
    train(tiny(changes), tmp_path / "killed")
    whole = runs.final_state(tmp_path / "whole")
    runs.assert_same_state(whole, runs.final_state(tmp_path / "killed"))
    train(tiny({"duration": "4 steps", "save.every": "4 steps"}), tmp_path / "first")
    first = runs.final_state(tmp_path / "first")
    for new, old in zip(jax.tree.leaves(whole.batch_stats), jax.tree.leaves(first.batch_stats), strict=True):
        np.testing.assert_array_equal(new[1], old[1])
        assert (new[0] != old[0]).any()
    for (path, new), old in zip(
        jax.tree_util.tree_leaves_with_path(whole.params), jax.tree.leaves(first.params), strict=True
    ):
        if path[-1].key in ("scale", "bias") and new.ndim == 2:  # nor does decay or momentum move aux's
            np.testing.assert_array_equal(new[1], old[1])
            assert (new[0] != old[0]).any()
