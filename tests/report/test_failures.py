"""Runs that stopped with an error are named on their row."""

import json

import pytest

from sbn.config.rows import load_experiment
from sbn.report.__main__ import report
from sbn.report.collect import find_runs
from sbn.report.failures import failures_of
from tests.report.work_dirs import write_run

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
        ["--config=split_bn.py:table3/gone"],
        ["--config=split_bn.py:table3/baseline", "--config.optim.gone=1"],
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
    plain, changed = (line for line in printed.splitlines() if line.startswith("baseline"))
    assert plain.endswith(f"seed 1 failed: {REASON}; seeds not run: 1 to 3")
    assert changed.endswith(f"seed 2 failed: {REASON}")
    assert sum("no result yet" in note for note in notes) == 3


def test_a_row_of_which_every_run_failed_says_so(file, tmp_path):
    write_failure(tmp_path / "runs", "plain", f"--config={file}:table3/weak_augment,seed=1")
    printed, _ = report(f"{file}:table3", root=tmp_path / "runs", format="markdown")
    (line,) = (line for line in printed.splitlines() if line.startswith("| weak_augment"))
    assert "| – | 0/10 | 96.30 |" in line
    assert line.endswith(f"| seed 1 failed: {REASON} |")
