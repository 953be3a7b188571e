"""The report on runs of stages: numbers of each stage over seeds, what half a run lacks, what was evaluated since."""

import json
import shlex
import statistics

import pytest

from sbn.config.rows import Paper, Row, Table
from sbn.report.collect import find_runs
from sbn.report.evaluated import evaluator_notes
from sbn.report.measures import Measure, measured
from sbn.report.tables import make_lines
from tests.report.work_dirs import MAIN, write_run

MEDIAN, CLEAN = "median_last_10", "train_clean/main/cross_entropy"
STAGES = {"train": [0, 60], "refine": [60, 120]}  # 5 steps an epoch: 12 epochs each
ROW = "table1/mixup"
TABLE = Table(
    "Refined",
    {
        "mixup": Row(
            {},
            (
                Paper(78.95, MAIN, stage="train", statistic=MEDIAN),
                Paper(80.85, MAIN, stage="refine", statistic=MEDIAN),
                Paper(81.5, MAIN, stage="refine", statistic="best"),
            ),
            runs=3,
        ),
        "none": Row({}, metrics=(f"{MAIN}@refine:{MEDIAN}",), runs=3),
    },
)
SHOWN = Table(
    "Losses",
    {
        "mixup": Row(
            {"eval.batch_size": 100},
            (Paper(98.0, CLEAN, stage="train", scale=1000.0), Paper(2.4, CLEAN, stage="refine", scale=1000.0)),
            runs=3,
            runs_of=ROW,
            evals=("losses",),
            stages=("train", "refine"),
        )
    },
)


def accuracy(seed, step):
    """Rises within a stage, and lies higher in the second."""
    return 0.5 + 0.1 * (step > 60) + 0.001 * (step % 60 or 60) + 0.01 * seed


def write(root, seed, stages=None, *, every=5, name=None, row=ROW, **changes):
    stages = stages or STAGES
    stop = list(stages.values())[-1][1]
    values = {step: accuracy(seed, step) for step in range(every, stop + 1, every)}
    path = write_run(
        root, name or f"seed{seed}", row=row, seed=seed, steps=stop, stages=stages, steps_per_epoch=5,
        metrics={MAIN: values[stop]}, **changes,
    )  # fmt: skip
    lines = [json.dumps({"step": step, MAIN: value}) for step, value in values.items()]
    (path / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    return path


def lines_of(root, table=TABLE, row="mixup", **options):
    return [line for line in make_lines("table1", table, find_runs(root).runs, **options) if line.row == row]


def test_means_and_deviations_are_over_the_runs_stage_by_stage(tmp_path):
    for seed in range(3):
        write(tmp_path, seed)
    train, refine, best = lines_of(tmp_path)
    for line, stop, value in ((train, 60, 78.95), (refine, 120, 80.85)):
        medians = [100 * statistics.median(accuracy(s, stop - 5 * k) for k in range(10)) for s in range(3)]
        assert line.mean == pytest.approx(statistics.mean(medians))
        assert line.std == pytest.approx(statistics.stdev(medians))
        assert (line.runs, line.asked, line.paper.value, line.notes) == (3, 3, value, ())
    assert best.mean == pytest.approx(statistics.mean(100 * accuracy(s, 120) for s in range(3)))
    assert best.notes == ("best of 12 evaluations",)


def test_every_statistic_of_every_stage_over_runs(tmp_path):
    for seed in range(2):
        write(tmp_path, seed)
    lines = lines_of(tmp_path, stages=True)
    assert [(line.measure.stage, line.measure.statistic) for line in lines] == [
        (stage, statistic) for stage in ("train", "refine") for statistic in ("last", "best", MEDIAN)
    ]
    assert [line.runs for line in lines] == [2] * 6
    last = lines[0]
    assert last.mean == pytest.approx(100 * (accuracy(0, 60) + accuracy(1, 60)) / 2)


def test_rows_that_were_not_run_keep_their_lines_among_stages(tmp_path):
    write(tmp_path, 0)
    assert len(lines_of(tmp_path, stages=True)) == 6
    (line,) = lines_of(tmp_path, row="none", stages=True)
    assert (line.mean, line.measure.text) == (None, f"{MAIN}@refine:{MEDIAN}")


def test_stages_of_unequal_length_are_not_averaged(tmp_path):
    """Two runs refined for 12 epochs, and one, of an older version of the row, for 6; the first stage is the same."""
    for seed in range(2):
        write(tmp_path, seed)
    write(tmp_path, 2, {"train": [0, 60], "refine": [60, 90]})
    train, refine, best = lines_of(tmp_path)
    assert (train.runs, train.notes) == (3, ())
    assert refine.runs == best.runs == 2
    assert refine.mean == pytest.approx(
        statistics.mean(100 * statistics.median(accuracy(s, 120 - 5 * k) for k in range(10)) for s in range(2))
    )
    note = "1 of 3 with a shorter stage refine, not in the mean: seed 2 (30, 60 steps)"
    assert refine.notes == (note,)
    assert best.notes == ("best of 12 evaluations", note)


def test_a_run_without_a_stage_says_so_and_is_not_averaged(tmp_path):
    write(tmp_path, 0)
    write(tmp_path, 1, {"train": [0, 60]})
    train, refine, _ = lines_of(tmp_path)
    assert train.runs == 2
    assert refine.runs == 1
    assert refine.notes == ("runs without a stage refine", "1 of 2 without this number")


def test_half_a_run_is_not_counted_and_says_what_it_lacks(tmp_path):
    write(tmp_path, 0)
    path = write(tmp_path, 1)
    (path / "result.json").unlink()
    for step, said in ((80, "train done, refine 20 of 60 steps"), (40, "train 40 of 60 steps, refine not begun")):
        progress = {"step": step, "total": 120, "stages": STAGES}
        (path / "progress.json").write_text(json.dumps(progress))
        found = find_runs(tmp_path)
        assert found.unfinished == [f"{path}: no result yet, step {step} of 120 ({said})"]
        assert [line.runs for line in lines_of(tmp_path)] == [1, 1, 1]


def test_a_run_of_one_stage_says_its_steps_alone(tmp_path):
    (tmp_path / "a").mkdir()
    progress = {"step": 8, "total": 9, "stages": {"train": [0, 9]}}
    (tmp_path / "a/progress.json").write_text(json.dumps(progress))
    assert find_runs(tmp_path).unfinished == [f"{tmp_path / 'a'}: no result yet, step 8 of 9"]


def test_a_rhythm_of_ones_own_is_no_override_but_a_thin_median_says_so(tmp_path):
    """Evaluated every second epoch: the same row, beside the paper's number, and a note about its median."""
    write(tmp_path, 0, overrides={"log.every": "1 steps", "save.every": "1 epochs", "eval.every": "1 epochs"})
    write(tmp_path, 1, every=10, overrides={"eval.every": "2 epochs", "eval.last_epochs": 1})
    train, *_ = lines_of(tmp_path)
    assert (train.runs, dict(train.overrides), train.paper.value) == (2, {}, 78.95)
    assert train.notes == ("median of 5 epochs of 10",)


def test_a_rows_own_metrics_name_a_stage_and_a_statistic(tmp_path):
    for seed in range(2):
        write(tmp_path, seed, row="table1/none")
    (line,) = lines_of(tmp_path, row="none")
    assert line.measure == Measure(MAIN, "refine", MEDIAN)
    assert (line.runs, line.paper) == (2, None)


def evaluated(path, step, value, overrides=None):
    (path / "artifacts/losses").mkdir(parents=True, exist_ok=True)
    content = {"format": 1, "step": step, "overrides": overrides or {}, "metrics": {CLEAN: value}}
    (path / f"artifacts/losses/{step}.json").write_text(json.dumps(content))


def test_what_was_evaluated_later_at_the_ends_of_stages_counts_for_these(tmp_path):
    for seed in range(2):
        path = write(tmp_path, seed)
        evaluated(path, 60, 0.098 + seed / 1000)
        evaluated(path, 120, 0.0024)
        evaluated(path, 65, 9.0)  # no stage ends there
    train, refine = lines_of(tmp_path, SHOWN)
    assert (train.mean, train.runs, train.difference) == (pytest.approx(98.5), 2, pytest.approx(0.5))
    assert (refine.mean, refine.runs) == (pytest.approx(2.4), 2)
    run = find_runs(tmp_path).runs[0]
    assert measured(run, Measure(CLEAN)) == (0.0024, "")


def test_what_training_measured_at_a_stages_end_stays(tmp_path):
    path = write(tmp_path, 0)
    evaluated(path, 60, 0.5)
    with (path / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"step": 60, CLEAN: 0.1}) + "\n")
    (run,) = find_runs(tmp_path).runs
    assert measured(run, Measure(CLEAN, "train")) == (0.1, "")


def test_the_ends_of_stages_that_nobody_evaluated_have_their_commands(tmp_path):
    path = write(tmp_path, 0)
    notes = evaluator_notes("table2", SHOWN.rows, find_runs(tmp_path).runs)
    commands = [shlex.split(note.partition(", run ")[2]) for note in notes]
    evaluate = ["python", "-m", "sbn.evaluate", "--evals=losses", "--config.eval.batch_size=100"]
    assert commands == [[*evaluate, f"--stage={stage}", f"--workdir={path}"] for stage in ("train", "refine")]
    evaluated(path, 60, 0.1)
    (note,) = evaluator_notes("table2", SHOWN.rows, find_runs(tmp_path).runs)
    assert "--stage=refine" in note


def test_what_training_evaluated_has_no_command(tmp_path):
    path = write(tmp_path, 0)
    with (path / "metrics.jsonl").open("a") as file:
        file.writelines(json.dumps({"step": step, CLEAN: 0.1}) + "\n" for step in (60, 120))
    assert evaluator_notes("table2", SHOWN.rows, find_runs(tmp_path).runs) == []
    (path / "metrics.jsonl").unlink()
    assert len(evaluator_notes("table2", SHOWN.rows, find_runs(tmp_path).runs)) == 2
