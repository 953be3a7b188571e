"""How long the rest takes: all of it, no shorter than its longest job, told by whatever like it has finished."""

import json

import pytest

from launch import status, summary
from launch.plan import make_jobs
from launch.state import State
from sbn.config.durations import clock_time
from tests.conftest import ROOT
from tests.launch.results import result_of

DONE = State("done", seconds=600.0)
MISSING = State("missing")


@pytest.fixture
def jobs(tmp_path):
    return make_jobs(["split_bn:table3/baseline"], seeds=range(10), root=tmp_path)


def left(jobs, states, *, parallel):
    """The time told, as it is printed, and how many at once."""
    told = summary.time_left(jobs, states, parallel=parallel)
    assert told.startswith("time left: about ")
    return tuple(told.removeprefix("time left: about ").split(", "))


def write(job, name, content):
    path = job.workdir / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def test_more_places_than_jobs_make_none_of_them_shorter(jobs):
    assert left(jobs, [DONE] * 9 + [MISSING], parallel=1000) == (clock_time(600), "1 at once")
    assert left(jobs, [DONE] * 6 + [MISSING] * 4, parallel=3) == (clock_time(800), "3 at once")


def test_the_rest_takes_as_long_as_its_longest_job(jobs):
    states = [DONE] * 6 + [State("running", left=3000.0)] + [MISSING] * 3
    assert left(jobs, states, parallel=4) == (clock_time(3000), "4 at once")


def test_what_runs_runs_at_once_whatever_this_sweep_could(jobs):
    states = [DONE] * 6 + [State("running", left=300.0)] * 3 + [MISSING]
    assert left(jobs, states, parallel=1) == (clock_time(600), "3 at once")


def test_failed_jobs_are_run_again_and_refused_ones_are_not(jobs):
    states = [DONE] * 7 + [State("failed"), State("failed"), State("refused")]
    assert left(jobs, states, parallel=1) == (clock_time(1200), "1 at once")


def test_a_stopped_job_goes_on_from_its_checkpoint_at_its_own_rate(jobs):
    """The newest checkpoint counts, not how far the log had come."""
    write(jobs[9], "progress.json", {"step": 77, "total": 100, "steps_per_second": 0.5})
    write(jobs[9], "checkpoints/40/x", {})
    write(jobs[9], "checkpoints/60/x", {})
    states = [DONE] * 9 + [State("stopped")]
    assert left(jobs, states, parallel=1)[0] == clock_time(80)


def test_a_stopped_job_without_a_checkpoint_begins_anew(jobs):
    write(jobs[9], "progress.json", {"step": 77, "total": 100, "steps_per_second": 0.5})
    assert left(jobs, [DONE] * 9 + [State("stopped")], parallel=1)[0] == clock_time(600)


def test_finished_runs_that_are_not_asked_for_tell_too(tmp_path, jobs):
    """Those with the same overrides first, then others of the row; what is in no run's place does not."""
    (job,) = make_jobs(["split_bn:table3/baseline"], seeds=[20], sets=["model.width=4"], root=tmp_path)
    unknown = "time left: unknown, nothing like it has run yet"
    assert summary.time_left([job], [MISSING], parallel=1) == unknown
    write(jobs[0], "result.json", result_of(job, seconds=100.0))
    (jobs[1].workdir / "result.json").parent.mkdir()
    (jobs[1].workdir / "result.json").write_text("{")
    assert left([job], [MISSING], parallel=1)[0] == clock_time(100)
    (wider,) = make_jobs(["split_bn:table3/baseline"], seeds=[3], sets=["model.width=4"], root=tmp_path)
    write(wider, "result.json", result_of(wider, seconds=700.0))
    assert left([job], [MISSING], parallel=1)[0] == clock_time(700)
    other = make_jobs(["split_bn:table3/randaugment"], seeds=[0], root=tmp_path)
    assert summary.time_left(other, [MISSING], parallel=1) == unknown


def test_a_row_of_the_same_name_in_another_experiment_tells_nothing(tmp_path):
    (one,) = make_jobs(["quickstart:methods/weak_augment"], seeds=[0], root=tmp_path)
    text = (ROOT / "experiments/quickstart.py").read_text()
    (tmp_path / "mine.py").write_text(text)
    (two,) = make_jobs([f"{tmp_path}/mine.py:methods/weak_augment"], seeds=[0], root=tmp_path)
    assert one.row == two.row
    assert "unknown" in summary.time_left([one, two], [DONE, MISSING], parallel=1)


def test_status_names_the_seeds_of_every_row(tmp_path, capsys):
    words = ["--experiment=split_bn:table3/*augment", "--set=model.width=2,4", "--seeds=0:3,5", f"--root={tmp_path}"]
    sets = ["model.width=2,4"]
    jobs = make_jobs(["split_bn:table3/*augment"], seeds=[0, 1, 2, 5], sets=sets, root=tmp_path)
    for job in jobs[4:7]:
        write(job, "result.json", result_of(job, seconds=1.0))
    write(jobs[1], "progress.json", {"failed": "loss is nan", "time": 0})
    assert status.main(words) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "split_bn/table3/randaugment: failed 1, missing 0 2 5",  # whose width is 2
        "split_bn/table3/randaugment/model.width=4: done 0-2, missing 5",
    ]
    assert lines[-2] == f"{len(jobs)} jobs: 3 done, 1 failed, {len(jobs) - 4} missing"


def test_runs_with_other_overrides_are_mentioned_but_not_counted(tmp_path):
    (swept,) = make_jobs(["split_bn:table3/baseline"], seeds=[0], root=tmp_path, sets=["optim.lr=0.05"])
    (plain,) = make_jobs(["split_bn:table3/baseline"], seeds=[0], root=tmp_path)
    assert summary.others([plain]) == []
    swept.workdir.mkdir(parents=True)
    (line,) = summary.others([plain])
    assert line.startswith(f"not counted: {plain.row_folder} also has runs with {swept.workdir.parent.name} ")
    assert summary.others([swept]) == []
    plain.workdir.mkdir(parents=True)
    assert summary.others([plain]) == [line]  # nor its own
    assert "runs with no overrides" in summary.others([swept])[0]
    assert summary.others([plain, swept]) == []
