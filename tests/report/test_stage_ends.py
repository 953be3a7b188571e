"""Rows that show the ends of stages: what is measured there afterwards counts, and what is missing has its command."""

import json
import shlex

import pytest

from sbn.config.rows import Paper, Row
from sbn.report.collect import find_runs
from sbn.report.evaluated import evaluator_notes
from sbn.report.measures import measured, parse
from tests.report.work_dirs import write_run

STAGES = {"steps": 60, "steps_per_epoch": 10, "stages": {"train": [0, 40], "refine": [40, 60]}}
CLEAN = "train_clean/main/cross_entropy"
ROW = Row(
    {},
    (Paper(98, CLEAN, stage="train", scale=1000.0), Paper(2.4, CLEAN, stage="refine", scale=1000.0)),
    runs_of="table1/mixup",
    evals=("losses",),
    stages=("train", "refine"),
)


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "runs", "seed0", row="table1/mixup", **STAGES)


def leave(run, step, value, **overrides):
    folder = run / "artifacts/losses"
    folder.mkdir(parents=True, exist_ok=True)
    content = {"format": 1, "step": step, "overrides": overrides, "metrics": {CLEAN: value}}
    (folder / f"{step}.json").write_text(json.dumps(content))


def read(run):
    (found,) = find_runs(run.parent).runs
    return found


def notes(run):
    return evaluator_notes("table2", {"mixup": ROW}, [read(run)])


def test_what_is_missing_of_a_stage_has_the_command_that_measures_it(run):
    leave(run, 60, 0.003)
    (note,) = notes(run)
    command = shlex.split(note.removeprefix("table2/mixup: not evaluated yet, run "))
    assert command == ["python", "-m", "sbn.evaluate", "--evals=losses", "--stage=train", f"--workdir={run}"]
    leave(run, 40, 0.1)
    assert notes(run) == []


def test_numbers_that_training_logged_are_not_missing(run):
    lines = [{"step": step, CLEAN: value} for step, value in ((40, 0.1), (60, 0.003))]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert notes(run) == []


def test_a_stage_that_the_run_has_not_is_told(tmp_path):
    run = write_run(
        tmp_path / "runs", "seed0", row="table1/mixup", steps=60, steps_per_epoch=10, stages={"all": [0, 60]}
    )
    assert [note.split(" has no ")[1] for note in notes(run)] == ["stage 'train'", "stage 'refine'"]


def test_evaluations_of_stages_are_numbers_of_these_stages_and_training_has_the_last_word(run):
    leave(run, 40, 0.1, **{"eval.losses.examples": 5})
    leave(run, 60, 0.003)
    found = read(run)
    assert [measured(found, parse(f"{CLEAN}@{stage}"))[0] for stage in ("train", "refine")] == [0.1, 0.003]
    assert found.metrics[CLEAN] == 0.003
    assert found.evaluated[CLEAN] == "eval.losses.examples=5"
    (run / "metrics.jsonl").write_text(json.dumps({"step": 40, CLEAN: 0.2}) + "\n")
    assert measured(read(run), parse(f"{CLEAN}@train"))[0] == 0.2
    assert measured(read(run), parse(CLEAN))[0] == 0.003
