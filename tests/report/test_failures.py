"""Runs that stopped with an error are named on their row."""

import json

import pytest

from sbn.config.rows import load_experiment
from sbn.report import report
from sbn.report.collect import find_runs
from sbn.report.failures import failures_of
from tests.report.work_dirs import notes_of, write_run

REASON = "diverged: the loss is nan at step 120"


def write_failure(root, name, *words, reason=REASON):
    path = root / name
    path.mkdir(parents=True)
    progress = {"step": 120, "total": 200, **({"failed": reason} if reason else {})}
    (path / "progress.json").write_text(json.dumps(progress))
    starts = [{"argv": ["main", "--config=elsewhere.py:a/b"]}, {"argv": ["main", *words]}]
    (path / "provenance.json").write_text(json.dumps(starts))
    return path


def test_the_last_command_line_says_whose_run_it_was(file, tmp_path):
    words = [
        f"--config={file}:table3/baseline,seed=4,optim.lr=0.05",
        "--config.eval.mix=0.1,0.5",
        "--config.log.every=5 steps",
        "--workdir=x",
    ]
    write_failure(tmp_path / "runs", "a", *words)
    found = find_runs(tmp_path / "runs")
    (failure,) = failures_of(load_experiment(file), found.begun)
    assert (failure.row, failure.seed, failure.reason) == ("table3/baseline", 4, REASON)
    # as a result would hold them: without what only says when something is written, and a tuple is a list
    assert failure.overrides == {"optim.lr": 0.05, "eval.mix": [0.1, 0.5]}


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--config=other.py:table3/baseline"],
        ["--config=mine.py:table3/gone"],
        ["--config=mine.py:table3/baseline", "--config.optim.gone=1"],
        ["--config"],
    ],
)
def test_what_names_no_row_stays_among_the_unfinished(file, tmp_path, words):
    path = write_failure(tmp_path / "runs", "a", *words)
    found = find_runs(tmp_path / "runs")
    assert failures_of(load_experiment(file), found.begun) == []
    assert found.unfinished == [f"{path}: no result yet, step 120 of 200 ({REASON})"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '[{"argv": 3}]', '[{"argv": [3, 4]}]', "[[]]"])
def test_a_damaged_provenance_is_no_error(file, tmp_path, content):
    path = write_failure(tmp_path / "runs", "a")
    (path / "provenance.json").write_text(content)
    assert failures_of(load_experiment(file), [path, tmp_path / "gone"]) == []


def test_failed_runs_stand_in_the_tables_on_the_line_of_their_row(file, tmp_path):
    root = tmp_path / "runs"
    write_run(root, "done", 0.95, seed=0)
    write_run(root, "fast", 0.9, seed=0, overrides={"optim.lr": 0.3})
    write_failure(root, "plain", f"--config={file}:table3/baseline,seed=1")
    write_failure(root, "changed", f"--config={file}:table3/baseline,seed=2", "--config.optim.lr=0.3")
    write_failure(root, "going", f"--config={file}:table3/baseline,seed=3", reason="")
    printed, notes = report(f"{file}:table3", root=root, format="text")
    assert notes_of(printed, "baseline ") == [f"seed 1 failed: {REASON}", "seeds without a result: 2 to 3"]
    assert notes_of(printed, "baseline [") == [f"seed 2 failed: {REASON}", "seeds without a result: 1, 3"]
    assert sum("no result yet" in note for note in notes) == 3


def test_a_row_of_which_every_run_failed_says_so(file, tmp_path):
    write_failure(tmp_path / "runs", "plain", f"--config={file}:table3/weak_augment,seed=1")
    printed, _ = report(f"{file}:table3", root=tmp_path / "runs", format="markdown")
    (line,) = (line for line in printed.splitlines() if line.startswith("| weak_augment"))
    assert "| – | 0/10 | 96.30 |" in line
    assert line.endswith(f"| seed 1 failed: {REASON} |")


# --- runs that crashed, and say so by what the sweep noted and by their log ---

CRASH = "Traceback (most recent call last):\n  File ...\nValueError: no such file: x\n\n"
WHY = "exit code 1: ValueError: no such file: x"


def write_crash(root, name, log=CRASH, **job):
    path = root / name
    path.mkdir(parents=True, exist_ok=True)
    (path / "job.json").write_text(json.dumps({"engine": "local", "code": 1, "gave_up": True, **job}))
    if log is not None:
        (path / "log.txt").write_text(log)
    return path


def test_a_run_given_up_before_its_first_line_is_told_by_its_place_and_the_end_of_its_log(file, tmp_path):
    root = tmp_path / "runs"
    write_crash(root, "mine/table3/weak_augment/seed2")
    found = find_runs(root)
    (failure,) = failures_of(load_experiment(file), found.begun)
    assert (failure.row, failure.seed, failure.overrides) == ("table3/weak_augment", 2, {})
    assert failure.reason == WHY
    assert found.unfinished == [f"{root}/mine/table3/weak_augment/seed2: no result yet ({WHY})"]
    printed, notes = report(str(file), root=root, format="markdown")
    (line,) = (line for line in printed.splitlines() if line.startswith("| weak_augment"))
    assert line.endswith(f"| seed 2 failed: {WHY} |")
    (absent,) = [note for note in notes if "not run yet without changes" in note]
    assert absent.endswith(": baseline, ours")


@pytest.mark.parametrize(
    ("folder", "overrides"),
    [
        ("optim.lr=0.3,optim.nesterov=False", {"optim.lr": 0.3, "optim.nesterov": False}),
        ("log.every=5 steps", {}),
        ("views.main.augment=flip_crop_4_-0123abcd", None),  # what the hash stands for can't be told
        ("optim.gone=1", None),
        ("optim.lr=fast", None),
        ("more", None),
        ("a/b", None),
    ],
)
def test_the_place_tells_the_overrides_where_they_fit_in_a_name(file, tmp_path, folder, overrides):
    path = write_crash(tmp_path / "runs", f"mine/table3/baseline/{folder}/seed1")
    found = failures_of(load_experiment(file), find_runs(tmp_path / "runs").begun)
    assert [failure.overrides for failure in found] == ([] if overrides is None else [overrides])
    assert find_runs(tmp_path / "runs").unfinished == [f"{path}: no result yet ({WHY})"]


@pytest.mark.parametrize(
    "name", ["mine/table3/baseline/first", "other/table3/baseline/seed1", "mine/table3/gone/seed1", "seed1"]
)
def test_another_place_names_no_row(file, tmp_path, name):
    write_crash(tmp_path / "runs", name)
    assert failures_of(load_experiment(file), find_runs(tmp_path / "runs").begun) == []


@pytest.mark.parametrize("job", [{"code": 0}, {"gave_up": False}, {"code": None}])
def test_a_run_that_may_still_go_on_has_not_failed(file, tmp_path, job):
    path = write_crash(tmp_path / "runs", "mine/table3/baseline/seed0", **job)
    found = find_runs(tmp_path / "runs")
    assert failures_of(load_experiment(file), found.begun) == []
    assert found.unfinished == [f"{path}: no result yet"]


@pytest.mark.parametrize(("log", "told"), [(None, "no log"), ("\n \n", "an empty log"), ("x" * 9000 + "\nend", "end")])
def test_a_log_without_an_end_is_told(tmp_path, log, told):
    write_crash(tmp_path, "mine/table3/baseline/seed0", log)
    assert find_runs(tmp_path).unfinished[0].endswith(f"(exit code 1: {told})")


def test_a_run_that_was_killed_before_its_first_log_line_is_begun(tmp_path):
    path = write_failure(tmp_path, "a", reason="")
    (path / "progress.json").unlink()
    assert find_runs(tmp_path).unfinished == [f"{path}: no result yet"]


@pytest.mark.parametrize("content", ["", "[]", "3", '{"code": 1}'])
def test_a_damaged_note_is_no_failure(file, tmp_path, content):
    path = write_crash(tmp_path / "runs", "mine/table3/baseline/seed0")
    (path / "job.json").write_text(content)
    assert failures_of(load_experiment(file), [path]) == []


def test_failed_runs_with_overrides_that_nothing_else_has_are_told_beside_the_tables(file, tmp_path):
    root = tmp_path / "runs"
    write_run(root, "done", 0.95, seed=0)
    write_crash(root, "mine/table3/baseline/optim.lr=9.0/seed3")
    printed, notes = report(f"{file}:table3", root=root, format="text")
    assert "failed" not in printed
    assert f"table3/baseline [optim.lr=9.0]: seed 3 failed: {WHY}" in notes
    write_crash(root, "mine/table3/ours/seed4")  # of which there is no stage to show
    printed, notes = report(f"{file}:table3", root=root, format="text", stages=True)
    assert notes_of(printed, "ours ") == [f"seed 4 failed: {WHY}"]
    assert not any("ours: seed 4" in note for note in notes)


def test_every_line_of_a_row_tells_which_of_its_seeds_were_not_run(file, tmp_path):
    for seed in (0, 2, 3):
        write_run(tmp_path / "runs", f"fast{seed}", 0.9, seed=seed, overrides={"optim.lr": 0.3})
    printed, _ = report(f"{file}:table3", root=tmp_path / "runs", format="text")
    assert notes_of(printed, "baseline [optim.lr=0.3]") == ["seeds without a result: 1"]
