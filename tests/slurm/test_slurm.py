"""Sweeps on a real SLURM of two nodes, which the tests start on this machine: `pytest -m slurm`."""

import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import pytest

from launch.plan import make_jobs
from sbn.config.tree import checked
from sbn.runs import files
from sbn.train import train
from tests.e2e import runs
from tests.slurm.cluster import NODES, all_idle, cluster, why_not

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(1800)]

SETTINGS = {
    "data.path": "device",  # each process starts sooner than with TensorFlow
    "data.train_examples": "40",
    "data.test_examples": "13",
    "data.image_size": "16",
    "batch_size": "8",
    "views.main.augment": "crop(2)|flip",
    "eval.batch_size": "8",
    "duration": "700 steps",
    "save.every": "100 steps",
    "log.every": "50 steps",
    "eval.every": "0 steps",
}
SHORT = {**SETTINGS, "duration": "20 steps", "save.every": "10 steps"}


@pytest.fixture(scope="module")
def slurm():
    if reason := why_not():
        pytest.skip(f"no SLURM here: {reason}")
    if importlib.util.find_spec("submitit") is None:
        pytest.skip("submitit is not installed: pip install 'sbn[slurm]'")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="slurm"))
    folder.chmod(0o755)
    with cluster(folder) as running:
        yield running


@pytest.fixture
def root(tmp_path):
    return tmp_path / "runs"


# Deadlines are there so that nothing waits for ever; a busy machine takes minutes for what an idle one does in seconds.


class Sweep:
    """`python -m launch.sweep --engine=slurm` in the background."""

    def __init__(self, slurm, root, settings, *, seeds="0", flags=(), output=None):
        self.arguments = [
            "--experiment=quickstart:methods/weak_augment",
            f"--seeds={seeds}",
            f"--root={root}",
            *(f"--set={name}={value}" for name, value in settings.items()),
        ]
        self.slurm = slurm
        self.jobs = make_jobs(
            ["quickstart:methods/weak_augment"],
            seeds=[int(seed) for seed in seeds.split(",")],
            sets=[f"{name}={value}" for name, value in settings.items()],
            root=root,
        )
        self.output = output or root.with_suffix(".out")
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "launch.sweep", *self.arguments, "--engine=slurm", *flags],
                cwd=runs.ROOT,
                env={**slurm.env, "JAX_PLATFORMS": "cpu"},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def printed(self):
        return self.output.read_text() + "".join(
            path.read_text() for job in self.jobs for path in sorted(job.workdir.glob("log.txt*"))
        )

    def wait(self):
        assert self.process.wait(900) == 0, self.printed()

    def reach(self, step):
        """Waits until the first job has gone as far; returns the id that SLURM knows it by."""
        deadline = time.monotonic() + 600
        while (files.glance(self.jobs[0].workdir, files.PROGRESS)["step"] or 0) < step:
            assert self.process.poll() is None, self.printed()
            assert time.monotonic() < deadline, self.printed()
            time.sleep(0.2)
        return files.glance(self.jobs[0].workdir, files.JOB)["id"]


def hurry(slurm, job):
    """A requeued job waits for two minutes, unless told otherwise.

    Told so while a node of it is still coming back, this SLURM gives it an allocation in which no step can begin.
    """
    deadline = time.monotonic() + 240
    while "PENDING" not in slurm.run("squeue", "-h", "-j", job, "-o", "%T") or not all_idle(slurm):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    time.sleep(2)  # one round of its scheduler
    slurm.run("scontrol", "update", f"JobId={job}", "StartTime=now")


def assert_undisturbed(job, folder):
    """The run is the one that nothing disturbed. Two hosts sum in another order: 1e-7 a sum, doubled by every step."""
    train(checked(job.config), folder)
    runs.assert_same_state(runs.final_state(job.workdir), runs.final_state(folder))


def starts(job):
    return json.loads((job.workdir / "provenance.json").read_text())


def test_an_array_of_jobs_fills_a_table(slurm, root):
    sweep = Sweep(slurm, root, SHORT, seeds="0,1,2", flags=["--parallel=2"])
    sweep.wait()
    assert "3 jobs: 3 done" in sweep.printed()
    again = Sweep(slurm, root, SHORT, seeds="0,1,2")
    again.wait()
    assert "to do: 0" in again.output.read_text()
    assert all(len(starts(job)) == 1 for job in sweep.jobs)
    status = subprocess.run(
        [sys.executable, "-m", "launch.status", *sweep.arguments], cwd=runs.ROOT, env=slurm.env, check=False
    )
    assert status.returncode == 0


@pytest.mark.slow
def test_a_second_sweep_watches_the_jobs_of_the_first(slurm, root):
    settings = {**SETTINGS, "duration": "600 steps"}
    first = Sweep(slurm, root, settings)
    first.reach(50)
    second = Sweep(slurm, root, settings, output=root.with_suffix(".second"))
    first.wait()
    second.wait()
    assert "1 jobs run or wait elsewhere" in second.output.read_text()
    assert "elsewhere: 1 done" in second.output.read_text()
    assert "submitted" not in second.output.read_text()
    assert len(starts(*first.jobs)) == 1


@pytest.mark.slow
def test_a_job_of_two_hosts_is_one_program(slurm, root):
    sweep = Sweep(slurm, root, SHORT, flags=["--hosts=2"])
    sweep.wait()
    (job,) = sweep.jobs
    (start,) = starts(job)
    assert len(start["devices"]) == 2, start
    assert files.glance(job.workdir, files.RESULT)["steps"] == 20


def test_a_requeued_job_goes_on_to_the_same_bits(slurm, root, tmp_path):
    sweep = Sweep(slurm, root, SETTINGS)
    number = sweep.reach(100)
    slurm.run("scontrol", "requeue", number)
    hurry(slurm, number)
    sweep.wait()
    (job,) = sweep.jobs
    assert len(starts(job)) == 2
    assert "asked to stop: saved after step" in sweep.printed()
    assert_undisturbed(job, tmp_path / "alone")


@pytest.mark.slow
def test_a_job_of_two_hosts_outlives_one_of_them(slurm, root):
    settings = {**SETTINGS, "duration": "600 steps", "save.every": "50 steps"}
    sweep = Sweep(slurm, root, settings, flags=["--hosts=2"])
    number = sweep.reach(150)
    slurm.kill_node(NODES[1])
    deadline = time.monotonic() + 120
    while "RUNNING" in slurm.run("squeue", "-h", "-j", number, "-o", "%T"):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    slurm.start_node(NODES[1])
    hurry(slurm, number)
    sweep.wait()
    (job,) = sweep.jobs
    assert len(starts(job)) == 2
    assert files.glance(job.workdir, files.RESULT)["steps"] == 600
