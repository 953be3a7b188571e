import json
import math

import pytest

from sbn.config.errors import ConfigError
from sbn.report.collect import counted, find_runs
from tests.report.work_dirs import AUX, MAIN, write_run


def test_runs_are_found_at_any_depth_with_all_they_say(tmp_path):
    write_run(tmp_path, "a", 0.9)
    path = write_run(
        tmp_path, "deep/er/seed3", seed=3, overrides={"optim.lr": 0.05}, metrics={MAIN: 0.5, AUX: 1}, when=99.0
    )
    found = find_runs(tmp_path)
    assert (found.problems, found.unfinished) == ([], [])
    assert [run.seed for run in found.runs] == [0, 3]
    run = found.runs[1]
    assert (run.path, run.experiment, run.row) == (path, "mine", "table3/baseline")
    assert (run.overrides, run.metrics) == ({"optim.lr": 0.05}, {MAIN: 0.5, AUX: 1.0})
    assert (run.seconds, run.steps, run.written) == (1234.5, 78000, 99.0)


DAMAGED = {
    "half": ('{"format": 1, "experiment": "spl', "damaged"),
    "empty": ("", "damaged"),
    "list": ("[1]", "no object"),
    "new": ('{"format": 2}', "format 2 where 1 is known"),
    "bare": ('{"format": 1}', "no 'experiment' in it"),
}


def test_runs_behind_links_are_found_once_and_circles_are_no_trap(tmp_path):
    write_run(tmp_path / "scratch", "seed0", 0.5, seed=0)
    write_run(tmp_path / "root", "seed1", 0.5, seed=1)
    root = tmp_path / "root"
    (root / "seed0").symlink_to(tmp_path / "scratch/seed0")
    (root / "again").symlink_to(tmp_path / "scratch/seed0")
    (root / "seed1/up").symlink_to(root)
    (root / "nowhere").symlink_to(tmp_path / "gone")
    found = find_runs(root)
    assert [run.seed for run in found.runs] == [0, 1]
    assert not found.problems


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_file_is_a_problem_and_the_rest_is_counted(tmp_path, name):
    content, message = DAMAGED[name]
    write_run(tmp_path, "good", 0.9)
    (tmp_path / name).mkdir()
    (tmp_path / name / "result.json").write_text(content)
    found = find_runs(tmp_path)
    assert len(found.runs) == 1
    (problem,) = found.problems
    assert str(tmp_path / name / "result.json") in problem
    assert message in problem
    assert "\n" not in problem


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": "0"}, "'seed' is '0', not a whole number"),
        ({"seed": True}, "'seed' is True"),
        ({"metrics": {MAIN: "high"}}, "'metrics.test/main/accuracy' is 'high', not a number"),
        ({"overrides": None}, "'overrides' is None, not an object"),
    ],
)
def test_field_of_a_wrong_type_is_a_problem(tmp_path, changes, message):
    write_run(tmp_path, "bad", **changes)
    found = find_runs(tmp_path)
    assert found.runs == []
    assert message in found.problems[0]


def test_bytes_that_are_no_text_are_a_problem(tmp_path):
    (tmp_path / "result.json").write_bytes(b"\xff\xfe{")
    assert "damaged" in find_runs(tmp_path).problems[0]


def test_nan_and_null_are_numbers_that_are_not_finite(tmp_path):
    write_run(tmp_path, "a", metrics={MAIN: math.nan, AUX: None})
    (run,) = find_runs(tmp_path).runs
    assert math.isnan(run.metrics[MAIN])
    assert math.isnan(run.metrics[AUX])


@pytest.mark.parametrize("newer", ["a", "b"])
def test_of_two_equal_runs_the_newer_counts_and_the_other_is_named(tmp_path, newer):
    paths = {
        name: write_run(tmp_path, name, value, when=2000.0 if name == newer else 1000.0)
        for name, value in (("a", 0.1), ("b", 0.2))
    }
    (run,), (problem,) = counted(find_runs(tmp_path).runs)
    assert run.path == paths[newer]
    assert problem.startswith(str(paths["b" if newer == "a" else "a"]))
    assert f"as {paths[newer]}; only that is counted: it is newer" in problem
    (note,) = run.repeated
    assert note == f"seed 0: {paths[newer]} counts, not {paths['b' if newer == 'a' else 'a']}: it is newer"


def test_runs_that_differ_in_one_thing_are_no_duplicates(tmp_path):
    write_run(tmp_path, "a", 0.9)
    write_run(tmp_path, "b", 0.9, seed=1)
    write_run(tmp_path, "c", 0.9, row="table3/weak_augment")
    write_run(tmp_path, "d", 0.9, experiment="refine")
    write_run(tmp_path, "e", 0.9, overrides={"optim.lr": 0.1})
    runs, problems = counted(find_runs(tmp_path).runs)
    assert len(runs) == 5
    assert problems == []


def test_order_of_overrides_does_not_matter(tmp_path):
    write_run(tmp_path, "a", 0.9, overrides={"optim.lr": 0.1, "batch_size": 8})
    write_run(tmp_path, "b", 0.9, overrides={"batch_size": 8, "optim.lr": 0.1})
    assert len(counted(find_runs(tmp_path).runs)[0]) == 1


def test_runs_without_a_result_are_listed_with_their_progress(tmp_path):
    for name, content in {"a": json.dumps({"step": 5, "total": 9}), "b": '{"st'}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "progress.json").write_text(content)
    write_run(tmp_path, "done", 0.9)
    (tmp_path / "done" / "progress.json").write_text("{}")
    assert find_runs(tmp_path).unfinished == [
        f"{tmp_path / 'a'}: no result yet, step 5 of 9",
        f"{tmp_path / 'b'}: no result yet",
    ]


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match=r"no folder .*nowhere"):
        find_runs(tmp_path / "nowhere")


def write_evaluation(path, evaluator, metrics, *, step=78000, overrides=None, **changes):
    folder = path / "artifacts" / evaluator
    folder.mkdir(parents=True, exist_ok=True)
    content = {"format": 1, "step": step, "overrides": overrides or {}, "metrics": metrics, **changes}
    (folder / f"{step}.json").write_text(json.dumps(content))


def test_what_was_evaluated_later_joins_what_training_measured(tmp_path):
    path = write_run(tmp_path, "a", 0.9)
    write_evaluation(path, "corruptions", {"corrupted/main/uce": 0.2}, overrides={"eval.average": "logits"})
    write_evaluation(path, "mix", {"test/mix_0/accuracy": 0.8})
    write_evaluation(path, "fourier", {"fourier/main/error": 0.5}, step=39000)  # of an earlier step
    (run,) = find_runs(tmp_path).runs
    assert run.metrics == {MAIN: 0.9, "corrupted/main/uce": 0.2, "test/mix_0/accuracy": 0.8}
    assert run.evaluated == {"corrupted/main/uce": "eval.average=logits", "test/mix_0/accuracy": ""}


def test_what_training_measured_stays(tmp_path):
    path = write_run(tmp_path, "a", 0.9)
    write_evaluation(path, "accuracy", {MAIN: 0.1}, overrides={"eval.average": "logits"})
    (run,) = find_runs(tmp_path).runs
    assert (run.metrics, run.evaluated) == ({MAIN: 0.9}, {})


@pytest.mark.parametrize("content", ["{", "[]", '{"metrics": {}}', '{"overrides": {}, "metrics": {"a": "high"}}'])
def test_a_damaged_evaluation_is_a_problem_and_the_run_counts(tmp_path, content):
    path = write_run(tmp_path, "a", 0.9)
    write_evaluation(path, "mix", {})
    (path / "artifacts/mix/78000.json").write_text(content)
    found = find_runs(tmp_path)
    assert [run.metrics for run in found.runs] == [{MAIN: 0.9}]
    (problem,) = found.problems
    assert problem.startswith(f"{path / 'artifacts/mix/78000.json'} is damaged (")
    assert "\n" not in problem


def test_runs_that_differ_only_in_when_they_wrote_are_runs_of_the_row(tmp_path):
    write_run(tmp_path, "a", 0.5, overrides={"log.every": "5 steps", "save.keep": 1, "eval.every": "1 epochs"})
    write_run(tmp_path, "b", 0.5, seed=1, overrides={"data.dir": "/there", "optim.lr": 0.2})
    write_run(tmp_path, "c", 0.5, seed=2, overrides={"gone.key": 1, "eval.mix": [0.1]})
    found = [run.overrides for run in find_runs(tmp_path).runs]
    assert found == [{}, {"optim.lr": 0.2}, {"gone.key": 1, "eval.mix": [0.1]}]
