"""A sweep of real runs: planned, run, told about, and whole again after whatever kills its processes."""

import json
import random
import signal
import subprocess
import sys
import time

import pytest

from launch.plan import make_jobs, parse_seeds
from launch.state import look
from sbn.config.tree import checked
from sbn.runs import files, processes
from sbn.train import train
from tests.e2e import runs

SMALL = {
    "data.train_examples": "40",
    "data.test_examples": "13",
    "data.image_size": "16",
    "batch_size": "8",
    "views.main.augment": "crop(2)|flip",
    "eval.batch_size": "8",
}
SHORT = {**SMALL, "duration": "4 steps", "save.every": "2 steps", "log.every": "2 steps"}


def words(root, settings, seeds="0", experiment="quickstart:methods/weak_augment"):
    sets = [f"--set={name}={value}" for name, value in settings.items()]
    return [f"--experiment={experiment}", f"--seeds={seeds}", f"--root={root}", *sets]


def run(module, arguments):
    return subprocess.run(
        [sys.executable, "-m", f"launch.{module}", *arguments],
        cwd=runs.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_sweep_runs_what_is_missing_and_no_more(tmp_path):
    one = run("sweep", words(tmp_path, SHORT))
    assert one.returncode == 0, one.stdout + one.stderr
    assert "1 jobs: 1 missing" in one.stdout
    two = run("sweep", [*words(tmp_path, SHORT, seeds="0:2"), "--parallel=2"])
    assert two.returncode == 0, two.stdout + two.stderr
    assert "2 jobs: 1 done, 1 missing" in two.stdout
    assert "seed1: started" in two.stdout
    assert "seed0: started" not in two.stdout
    status = run("status", words(tmp_path, SHORT, seeds="0:2"))
    assert status.returncode == 0
    assert status.stdout.splitlines()[-1] == "2 jobs: 2 done"

    # The printed command line is the job's own, and finds it done.
    dry = run("sweep", [*words(tmp_path, SHORT, seeds="2"), "--dry_run"])
    (command,) = [line for line in dry.stdout.splitlines() if line.startswith("python -m sbn.train")]
    assert "--config.seed=2" in command
    assert not list(tmp_path.glob("**/seed2"))

    # A result that another config left in a job's folder is not taken for the job's.
    (result,) = tmp_path.glob("**/seed1/result.json")
    content = files.read(result.parent, files.RESULT)
    content["config"]["batch_size"] = 4
    files.write(result.parent, files.RESULT, content)
    refused = run("sweep", words(tmp_path, SHORT, seeds="0:2"))
    assert refused.returncode == 1
    assert "batch_size: 4 there, 8 in the row" in refused.stdout


JOBS, STEPS = 15, 400


@pytest.mark.slow
@pytest.mark.timeout(0)  # of how fast the machine is nothing depends
def test_jobs_that_are_killed_twice_each_end_complete_with_the_same_bits(tmp_path):
    """Every job once before its first step, and once in the middle of its training: thirty kills of fifteen."""
    settings = {**SMALL, "duration": f"{STEPS} steps", "save.every": "20 steps", "log.every": "20 steps"}
    arguments = [
        *words(tmp_path / "swept", settings, seeds=f"0:{JOBS}"),
        "--parallel=2",
        f"--retries={2 * JOBS}",
    ]
    jobs = make_jobs(
        ["quickstart:methods/weak_augment"],
        seeds=parse_seeds(f"0:{JOBS}"),
        sets=[f"{name}={value}" for name, value in settings.items()],
        root=tmp_path / "swept",
    )
    moments, kills, log = random.Random(0), 0, tmp_path / "sweep.log"
    plan = {job.seed: [0, moments.randrange(20, STEPS - 60)] for job in jobs}  # the steps at which to kill
    with log.open("w") as output:
        sweep = subprocess.Popen(
            [sys.executable, "-m", "launch.sweep", *arguments], cwd=runs.ROOT, stdout=output, stderr=subprocess.STDOUT
        )
    while sweep.poll() is None:
        time.sleep(0.1)
        for job in jobs:
            note, at = files.glance(job.workdir, files.JOB), plan[job.seed]
            if not at or not processes.is_alive(note["host"], note["pid"], note["began"]):
                continue
            if (files.glance(job.workdir, files.PROGRESS)["step"] or 0) >= at[0]:
                if at.pop(0) == 0:
                    time.sleep(moments.uniform(0, 2))
                subprocess.run(["kill", f"-{signal.SIGKILL.value}", str(note["pid"])], check=False)
                kills += 1
    printed = log.read_text()
    assert sweep.returncode == 0, printed
    assert kills >= JOBS, printed  # one that nobody looks at in time ends without its second
    assert {look(job).kind for job in jobs} == {"done"}
    starts = sum(len(json.loads((job.workdir / "provenance.json").read_text())) for job in jobs)
    assert JOBS < starts <= JOBS + kills  # nothing ran twice to the end
    assert sum(line.endswith(": done") for line in printed.splitlines()) == JOBS
    for job in jobs:
        alone = tmp_path / "alone" / str(job.seed)
        train(checked(job.config), alone)
        runs.assert_same_state(runs.final_state(job.workdir), runs.final_state(alone))
        assert runs.metric_lines(job.workdir) == runs.metric_lines(alone)
    again = run("sweep", arguments)
    assert "to do: 0" in again.stdout
