"""Runs that began from other runs are averaged with their like alone."""

import json

import pytest

from launch.plan import make_jobs
from launch.state import look
from sbn.config.rows import load_experiment
from sbn.report import compare, report
from sbn.report.collect import find_runs, read_run
from sbn.report.first_stages import alike
from sbn.report.refusals import refuse
from sbn.runs.content import Damaged
from tests.report.work_dirs import MAIN, write_run

FILE = """
from sbn.config.rows import Paper, Row, Table

BASE = {"data.name": "shapes"}
NEEDS = {"init.from": "t/mixup"}
CHANGES = {"stages": ("refine",), "init.stage": "train"}
TABLES = {"t": Table("Table", {
    "mixup": Row({}), "cutmix": Row({"optim.lr": 0.2}),
    "again": Row(CHANGES, (Paper(60.0, "test/main/accuracy"),), runs=3, needs=NEEDS),
})}
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    return path


def source(row="t/mixup", seed=0, stages=(("train", 20),), overrides=None, **more):
    at, spans = 0, {}
    for name, steps in stages:
        spans[name] = [at, at := at + steps]
    told = {"experiment": "mine", "row": row, "seed": seed, "overrides": overrides or {}, "stages": spans}
    return {"from": "runs/somewhere", "step": at, "source": {**told, "source": None, **more}}


def again(file, root, accuracy, *, seed, init, begun=None):
    """Writes a run of `again`, as the command line makes it, that began from what `init` says."""
    begun = init["step"] if begun is None else begun
    (*_, job) = make_jobs([f"{file}:t/again"], seeds=[seed], root=root)
    config = json.loads(json.dumps(job.config))
    config["init"]["from"] = "runs/somewhere"
    stages = {"refine": [begun, begun + 10]}
    told = {"experiment": "mine", "row": "t/again", "config": config, "steps": begun + 10, "stages": stages}
    path = write_run(root, f"mine/t/again/seed{seed}", accuracy, seed=seed, steps_per_epoch=10, init=init, **told)
    return path, job


def line_of(file, root, row="again"):
    printed, notes = report(f"{file}:t", root=root, format="csv")
    (line,) = (line.split(",", 18) for line in printed.splitlines() if line.split(",")[2] == row)
    return line[7], line[9], line[18], [note for note in notes if "refused" in note]


def test_runs_that_began_alike_are_averaged_without_a_word(file, tmp_path):
    for seed, accuracy in ((0, 0.5), (1, 0.6)):
        again(file, tmp_path / "runs", accuracy, seed=seed, init=source(seed=seed))
    assert line_of(file, tmp_path / "runs") == ("55.0", "2", "seeds without a result: 2", [])


def test_a_run_that_began_from_another_row_is_refused_by_name_in_report_and_sweep(file, tmp_path):
    again(file, tmp_path / "runs", 0.5, seed=0, init=source())
    path, job = again(file, tmp_path / "runs", 0.9, seed=1, init=source("t/cutmix", seed=1))
    mean, runs, _, (refused,) = line_of(file, tmp_path / "runs")
    why = "it began from runs/somewhere, a run of mine:t/cutmix, and needs one of mine:t/mixup"
    assert (mean, runs, refused) == ("50.0", "1", f"{path}: refused, {why}")
    assert look(job)[:2] == ("refused", why)


@pytest.mark.parametrize("experiment", ["", "other"])
def test_a_run_of_another_experiment_or_of_none_is_another_row(file, tmp_path, experiment):
    init = source(row="t/mixup" if experiment else "", experiment=experiment)
    _, job = again(file, tmp_path / "runs", 0.5, seed=0, init=init)
    runs, (line,) = refuse(load_experiment(file), find_runs(tmp_path / "runs").runs)
    assert runs == []
    assert ("a run of other:t/mixup" if experiment else "a run of no row") in line
    assert look(job).kind == "refused"


def test_first_stages_of_other_lengths_are_never_averaged(file, tmp_path):
    """Their last stages are of one length, which is all that tables once asked for."""
    again(file, tmp_path / "runs", 0.5, seed=0, init=source())
    again(file, tmp_path / "runs", 0.9, seed=1, init=source(seed=1, stages=[("train", 30)]))
    again(file, tmp_path / "runs", 0.7, seed=2, init=source(seed=2, stages=[("train", 30)]))
    mean, runs, notes, refused = line_of(file, tmp_path / "runs")
    assert (float(mean), runs, refused) == (pytest.approx(80.0), "2", [])
    assert notes.strip('"') == (
        "1 of 3 began from another first stage, not in the mean: seed 0 after 20 steps (train 20) of mine:t/mixup; "
        "those in it after 30 steps (train 30) of mine:t/mixup"
    )


def test_as_many_steps_in_other_stages_or_of_other_overrides_are_not_alike_and_the_most_count(file, tmp_path):
    inits = [source(), source(overrides={"optim.lr": 0.3}), source(), source(stages=[("warm", 5), ("train", 15)])]
    paths = [again(file, tmp_path / "runs", 0.5, seed=seed, init=init)[0] for seed, init in enumerate(inits)]
    runs = [read_run(path) for path in paths]
    kept, (left_out, *foreign) = alike(runs)
    assert kept == [runs[0], runs[2]]
    assert (
        "seed 1 after 20 steps (train 20) of mine:t/mixup [optim.lr=0.3]; seed 3 after 20 steps (warm 5, t" in left_out
    )
    assert foreign == ["seed 2 began from a run of seed 0"]


def test_what_was_before_the_run_that_it_began_from_counts_too(file, tmp_path):
    older = [{"source": source(overrides={"optim.lr": lr})["source"]} for lr in (0.1, 0.1, 0.3)]
    runs = [again(file, tmp_path / "runs", 0.5, seed=k, init=source(seed=k, **o))[0] for k, o in enumerate(older)]
    assert [run.seed for run in alike([read_run(path) for path in runs])[0]] == [0, 1]


def test_what_does_not_tell_in_the_state_taken_over_may_differ(file, tmp_path):
    """A run of both stages that is begun from after its first, and a run of that one alone, hold the same bits."""
    both = {"stages": ["train", "refine"], "stage.refine.optim.lr": 0.01, "eval.mix": [0.1], "log.every": "1 steps"}
    inits = [source(overrides=both), source(seed=1), source(seed=2, overrides={"init.from": "x"})]
    runs = [read_run(again(file, tmp_path, 0.5, seed=seed, init=init)[0]) for seed, init in enumerate(inits)]
    assert alike(runs) == (runs, [])


@pytest.mark.parametrize(
    "init", [None, {"from": "x", "step": 20}, {**source(), "source": {**source()["source"], "row": None}}]
)
def test_runs_that_did_not_record_it_count_by_their_steps(file, tmp_path, init):
    _, job = again(file, tmp_path / "runs", 0.5, seed=0, init=init, begun=20)
    again(file, tmp_path / "runs", 0.6, seed=1, init=source(seed=1))
    again(file, tmp_path / "runs", 0.9, seed=2, init=init, begun=10)
    mean, runs, notes, refused = line_of(file, tmp_path / "runs")
    assert (mean, runs, refused) == ("55.0", "2", [])
    assert "not in the mean: seed 2 after 10 steps; those in it after 20 steps (train 20)" in notes
    assert look(job).kind == "done"


@pytest.mark.parametrize(
    "init",
    [3, [], {"source": 3}, {"source": {"stages": 3}}, {"source": {**source()["source"], "stages": {"train": 3}}}],
)
def test_a_run_whose_record_of_its_beginning_is_damaged_is_refused(file, tmp_path, init):
    path, job = again(file, tmp_path, 0.5, seed=0, init=init, begun=20)
    with pytest.raises(Damaged, match="'init"):
        read_run(path)
    assert look(job).kind == "refused"


def test_runs_that_began_from_nothing_are_alike(file, tmp_path):
    paths = [write_run(tmp_path, f"a{k}", 0.5, seed=k, stages={"train": [0, steps]}) for k, steps in ((0, 5), (1, 9))]
    paths.append(write_run(tmp_path, "old", 0.5, seed=2))
    runs = [read_run(path) for path in paths]
    assert alike(runs) == (runs, [])
    assert alike([]) == ([], [])


def test_a_comparison_leaves_them_out_as_well(file, tmp_path, capsys):
    for seed in range(2):
        again(file, tmp_path / "runs", 0.5, seed=seed, init=source(seed=seed, stages=[("train", 20 + 10 * seed)]))
        config = json.loads(json.dumps(make_jobs([f"{file}:t/mixup"], seeds=[seed], root="r")[0].config))
        write_run(tmp_path / "runs", f"m{seed}", 0.4, experiment="mine", row="t/mixup", seed=seed, config=config)
    compare.main([f"{file}:t/again", f"{file}:t/mixup", f"--runs={tmp_path / 'runs'}", f"--metric={MAIN}"])
    printed = capsys.readouterr().out
    assert "1 pair" in printed
    assert "mine:t/again: 1 of 2 began from another first stage" in printed


def test_runs_on_other_data_of_the_same_name_are_not_averaged(tmp_path):
    """Three seeds on an archive, and two once it was corrected; of one nobody recorded its data."""
    for seed, found in enumerate(("aa", "bb", "aa", None, "aa", "bb")):
        path = write_run(tmp_path, f"seed{seed}", 0.5 + seed / 10, seed=seed)
        if found is not None:
            (path / "data.json").write_text(json.dumps({"fingerprints": {"train": found, "test": "cc"}}))
    kept, notes = alike(find_runs(tmp_path).runs)
    assert [run.seed for run in kept] == [0, 2, 3, 4]
    assert notes == ["2 of 6 read other data, not in the mean: seed 1, 5 (data.json)"]
