"""What has become of a job is read off its folder."""

import dataclasses
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

import pytest

from launch import summary
from launch.plan import make_jobs
from launch.queues import ACTIVE
from launch.state import look
from sbn.config.identity import recognised
from sbn.config.rows import experiment_file, load_experiment
from sbn.config.stored import as_today
from sbn.report.collect import find_runs
from sbn.report.refusals import refuse
from sbn.runs import lock, processes
from tests.conftest import ROOT


@pytest.fixture
def job(tmp_path):
    (job,) = make_jobs(["split_bn:table3/baseline"], seeds=[0], root=tmp_path)
    job.workdir.mkdir(parents=True)
    return job


def write(job, name, content):
    (job.workdir / name).write_text(content if isinstance(content, str) else json.dumps(content))


NAMES = {"experiment": "split_bn", "row": "table3/baseline", "seed": 0, "overrides": {}}
RESULT = {**NAMES, "steps": 10, "seconds": 90.0, "metrics": {}}
HERE = {"host": socket.gethostname(), "pid": os.getpid(), "began": processes.began(os.getpid()), "time": 0.0}
PROGRESS = {"step": 40, "total": 100, "steps_per_second": 2.0, "seconds_left": 30.0, "time": 0.0}


def test_nothing_is_missing(job):
    assert look(job).kind == "missing"


def test_a_result_of_the_same_config_is_done(job):
    write(job, "result.json", {**RESULT, "config": job.config})
    assert look(job) == ("done", "10 steps in 1:30", 90.0, None)


def test_a_result_of_another_config_is_refused_with_the_difference(job):
    write(job, "result.json", {**RESULT, "config": {**job.config, "batch_size": 64}})
    state = look(job)
    assert state.kind == "refused"
    assert "batch_size: 64 there, 128 in the row" in state.detail
    write(job, "result.json", "{")
    assert look(job).kind == "refused"
    assert "damaged" in look(job).detail


RESULTS = sorted((ROOT / "results").glob("*/runs/*/*/result.json"))


@pytest.mark.parametrize("file", RESULTS, ids=lambda file: "/".join(file.parts[-5:-1]))
def test_runs_made_by_older_code_are_done_and_counted(file, tmp_path):
    """Keys that came since have their defaults, and a default that is spelt in another way is none of another run.

    A run of a row that takes another reading today is one of that reading.
    """
    result = json.loads(file.read_text())
    sets = [f"{name}={tuple(v) if isinstance(v, list) else v}" for name, v in result["overrides"].items()]
    experiment = load_experiment(experiment_file(result["experiment"]))
    row, seed = recognised(experiment, result["row"], as_today(result["config"])), result["seed"]
    # before it stand those that it needs
    *_, job = make_jobs([f"{result['experiment']}:{row}"], seeds=[seed], sets=sets, root=tmp_path)
    job.workdir.mkdir(parents=True)
    shutil.copytree(file.parent, job.workdir, dirs_exist_ok=True)
    kept, refused = refuse(experiment, find_runs(tmp_path).runs)
    assert [run.row for run in kept] == [row]
    assert look(job).kind == "done", look(job).detail
    assert (len(kept), refused) == (1, [])


def test_where_a_row_was_read_otherwise_once_its_old_run_is_told_with_the_place_where_it_counts(tmp_path):
    file = ROOT / "results/cifar10a_resnet8_cn/runs/resnet32_transformed_bn/seed0/result.json"
    result = json.loads(file.read_text())
    sets = [f"{name}={tuple(v) if isinstance(v, list) else v}" for name, v in result["overrides"].items()]
    (job,) = make_jobs(["consistent:table1/resnet32_transformed_bn"], seeds=[0], sets=sets, root=tmp_path)
    job.workdir.mkdir(parents=True)
    shutil.copy(file, job.workdir)
    state = look(job)
    reading = "mean_border+whole_batch+sequential"
    assert state.kind == "refused"
    assert f"holds a run of table1/resnet32_transformed_bn@{reading}, which" in state.detail
    there = pathlib.Path(state.detail.partition(": move it to ")[2])
    there.parent.mkdir(parents=True)
    job.workdir.rename(there)
    (other,) = make_jobs([f"consistent:table1/resnet32_transformed_bn@{reading}"], seeds=[0], sets=sets, root=tmp_path)
    assert (look(other).kind, look(job).kind) == ("done", "missing")


def test_there_are_such_runs():
    assert len(RESULTS) >= 18


def test_a_key_that_the_schema_gained_since_refuses_no_run_but_another_value_of_it_does(job):
    config = {**job.config, "optim": {k: v for k, v in job.config["optim"].items() if k != "lr"}}
    write(job, "result.json", {**RESULT, "config": config})
    assert look(job).kind == "done"
    row = dataclasses.replace(job, config={**job.config, "optim": {**job.config["optim"], "lr": 0.3}})
    assert "optim.lr: 0.1 there, 0.3 in the row" in look(row).detail


@pytest.mark.parametrize("config", [None, 3, "x", []])
def test_a_result_without_a_config_is_refused(job, config):
    write(job, "result.json", {**RESULT, "config": config})
    assert look(job).kind == "refused"


def test_a_live_process_runs_and_tells_how_far(job):
    write(job, "job.json", HERE)
    assert look(job) == ("running", "starting", None, None)
    write(job, "progress.json", PROGRESS)
    assert look(job) == ("running", "step 40 of 100, 2 steps/s, left 0:30", None, 30.0)


def test_what_a_cluster_still_has_is_not_over_though_a_process_of_it_ended(job, monkeypatch):
    """A host died: the other one's process noted its end before SLURM queued the job again."""
    has = {"7": "PENDING"}
    monkeypatch.setitem(ACTIVE, "slurm", lambda: has)
    write(job, "job.json", {"engine": "slurm", "id": 7, "code": -6, "gave_up": False})
    write(job, "progress.json", PROGRESS)
    assert look(job)[:2] == ("queued", "slurm job 7: PENDING")
    has["7"] = "RUNNING"
    assert look(job).kind == "running"
    del has["7"]
    assert look(job).kind == "stopped"


def test_a_dead_process_left_a_job_to_go_on_with(job):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    write(job, "job.json", {**HERE, "pid": process.pid})
    write(job, "progress.json", {**PROGRESS, "time": time.time()})
    assert look(job) == ("stopped", "after step 40 of 100", None, None)


def test_a_number_that_another_process_has_got_since_is_not_the_job(job):
    """After a reboot, or a long time: the start of the process differs, or, in older notes, its command line."""
    write(job, "progress.json", PROGRESS)
    other = processes.began(os.getpid())
    write(job, "job.json", {**HERE, "began": other.rpartition("/")[0] + "/1"})
    assert look(job).kind == "stopped"
    with subprocess.Popen(["sleep", "60"]) as stranger:
        write(job, "job.json", {"host": socket.gethostname(), "pid": stranger.pid, "time": 0.0})
        assert look(job).kind == "stopped"
        stranger.kill()


def test_a_sign_of_life_from_the_future_is_none(job):
    write(job, "job.json", {"host": "elsewhere", "pid": os.getpid(), "time": time.time() + 3600})
    write(job, "progress.json", {**PROGRESS, "time": 1e300})
    assert look(job).kind == "stopped"


def test_a_run_that_somebody_started_by_hand_runs_while_it_holds_the_lock(job):
    write(job, "progress.json", PROGRESS)
    with lock.locked(job.workdir):
        assert look(job).kind == "running"
    assert look(job).kind == "stopped"


def test_of_another_machine_the_last_sign_of_life_counts(job):
    write(job, "job.json", {"host": "elsewhere", "pid": os.getpid(), "time": time.time() - 3600})
    write(job, "progress.json", {**PROGRESS, "time": time.time() - 5})
    assert look(job).kind == "running"
    write(job, "progress.json", {**PROGRESS, "time": time.time() - 3600})
    assert look(job).kind == "stopped"


def test_a_diverged_job_failed_and_says_why(job):
    write(job, "job.json", {**HERE, "code": 1, "gave_up": True})
    write(job, "progress.json", {"step": 7, "total": 9, "failed": "loss is nan at step 7", "time": time.time()})
    assert look(job) == ("failed", "loss is nan at step 7", None, None)


def test_a_job_given_up_shows_the_end_of_its_log(job):
    write(job, "job.json", {**HERE, "code": -9, "gave_up": True})
    write(job, "log.txt", "x\n" * 9000 + "one\ntwo\nthree\n")
    assert look(job) == ("failed", "exit code -9: one / two / three", None, None)
    write(job, "job.json", {**HERE, "code": 75, "gave_up": False})
    assert look(job).kind == "stopped"


def test_a_summary_names_what_is_not_simply_done(tmp_path):
    jobs = make_jobs(["split_bn:table3/*augment"], seeds=range(30), root=tmp_path)
    for job in jobs[:2]:
        job.workdir.mkdir(parents=True)
        write(job, "result.json", {**RESULT, "config": job.config})
    for job in jobs[2:30]:
        job.workdir.mkdir(parents=True)
        write(job, "config.json", "{}")
    states = [look(job) for job in jobs]
    lines = summary.describe(jobs, states)
    assert lines[0] == f"stopped  {jobs[2].name}  before its first step"
    assert lines[20] == "stopped  and 8 more"
    assert lines[-1] == f"{len(jobs)} jobs: 2 done, 28 stopped, {len(jobs) - 30} missing"
    # both finished jobs took 90 s; rows of their table that train more branches take longer, nobody knows how long
    alike = [job for job in jobs if len(job.config["branches"]) == len(jobs[0].config["branches"])]
    told = f"time left: about {summary.clock_time((len(alike) - 2) * 90 / 2)}, 2 at once"
    assert len(alike) < len(jobs)
    assert summary.time_left(jobs, states, parallel=2) == f"{told}, and {len(jobs) - len(alike)} jobs of unknown length"
    assert "unknown" in summary.time_left(jobs[2:], states[2:], parallel=1)
