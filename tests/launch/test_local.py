"""The local engine: bounded, patient with jobs that get on, and nothing is lost by Ctrl-C."""

import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import threading
import time
from typing import ClassVar

import pytest

from launch.attempts import Attempts, reached
from launch.engines import Settings, load, local
from launch.engines.local import Local, shares, visible_gpus
from sbn.config.errors import ConfigError
from tests.conftest import ROOT


@dataclasses.dataclass(frozen=True)
class Script:
    """A job that runs a few lines of Python."""

    workdir: pathlib.Path
    code: str
    needs: ClassVar[dict[str, pathlib.Path]] = {}

    @property
    def name(self):
        return self.workdir.name

    @property
    def words(self):
        return ["-c", textwrap.dedent(self.code), str(self.workdir)]


def record(job):
    return json.loads((job.workdir / "job.json").read_text())


def run(jobs, **settings):
    told = []
    Local(Settings(**settings), tell=told.append).run(jobs)
    return told


def test_jobs_run_in_order_so_many_at_once(tmp_path):
    # each waits for the next one to begin, which takes two at once, however slowly they start
    code = """
        import pathlib, sys, time
        own = pathlib.Path(sys.argv[1])
        (own / "times").write_text(f"{time.time()} ")
        while own.name != "4" and not (own.with_name(str(int(own.name) + 1)) / "times").exists():
            time.sleep(0.01)
        (own / "times").open("a").write(f"{time.time()}")
    """
    jobs = [Script(tmp_path / str(number), code) for number in range(5)]
    run(jobs, parallel=2)
    spans = [tuple(map(float, (job.workdir / "times").read_text().split())) for job in jobs]
    moments = [start for start, _ in spans]
    busy = [sum(start <= moment < end for start, end in spans) for moment in moments]
    assert max(busy) == 2
    assert spans[4][0] > spans[0][0]
    assert all(record(job)["code"] == 0 for job in jobs)


def test_it_tells_how_many_jobs_have_ended(tmp_path):
    told = run([Script(tmp_path / str(number), "") for number in range(3)])
    assert [line for line in told if "have ended" in line] == [f"{n} of 3 jobs have ended" for n in (1, 2, 3)]
    assert not any("have ended" in line for line in run([Script(tmp_path / "alone", "")]))


def test_a_folder_that_can_not_be_made_is_told_and_the_others_run(tmp_path):
    (tmp_path / "file").touch()
    told = run([Script(tmp_path / "file/a", ""), Script(tmp_path / "b", "")])
    assert told[0].startswith("a: given up: ")
    assert "Not a directory" in told[0]
    assert "b: done" in told


def test_a_note_that_can_not_be_written_leaves_no_process_behind(tmp_path, monkeypatch):
    started, real = [], subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *words, **more: started.append(real(*words, **more)) or started[0])

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(Attempts, "_note", full)
    assert run([Script(tmp_path / "a", STOPPABLE)]) == ["a: given up: No space left on device"]
    assert started[0].poll() is not None


def test_a_job_that_gets_on_starts_again_however_often_it_dies(tmp_path):
    """Five deaths, each after a further checkpoint, and no retries: it still ends."""
    code = """
        import os, signal, sys
        folder = sys.argv[1] + "/checkpoints"
        os.makedirs(folder, exist_ok=True)
        step = len(os.listdir(folder))
        if step < 5:
            os.mkdir(f"{folder}/{step}")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    job = Script(tmp_path / "job", code)
    told = run([job], retries=0)
    assert record(job)["code"] == 0
    assert sum("starting it again" in line for line in told) == 5
    assert reached(job.workdir) == 4


@pytest.mark.parametrize(("code", "starts"), [("exit(3)", 3), ("exit(2)", 1)])
def test_a_job_that_does_not_get_on_is_given_up(tmp_path, code, starts):
    """Code 2 is a config that can't be run: no second try will change that."""
    job = Script(tmp_path / "job", f"print('so bad'); {code}")
    told = run([job], retries=2)
    assert sum("started" in line for line in told) == starts
    assert record(job)["gave_up"]
    assert (job.workdir / "log.txt").read_text() == "so bad\n" * starts


def test_a_diverged_job_is_not_tried_again(tmp_path):
    code = "import sys; open(sys.argv[1] + '/progress.json', 'w').write('{\"failed\": \"nan\"}'); sys.exit(1)"
    told = run([Script(tmp_path / "job", code)], retries=5)
    assert sum("started" in line for line in told) == 1


def test_asked_to_stop_it_starts_again(tmp_path):
    code = """
        import os, sys
        first = not os.path.exists(sys.argv[1] + "/x")
        open(sys.argv[1] + "/x", "w")
        sys.exit(75 * first)
    """
    job = Script(tmp_path / "job", code)
    run([job], retries=0)
    assert record(job)["code"] == 0


def test_each_job_has_gpus_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5,7")
    assert visible_gpus() == ["2", "5", "7"]
    code = """
        import os, pathlib, sys, time
        own = pathlib.Path(sys.argv[1])
        (own / "gpus").write_text(os.environ["CUDA_VISIBLE_DEVICES"])
        while len(list(own.parent.glob("*/gpus"))) < 3:  # all three run at once
            time.sleep(0.01)
    """
    jobs = [Script(tmp_path / str(number), code) for number in range(3)]
    assert Local(Settings()).parallel == 3
    run(jobs)
    assert sorted((job.workdir / "gpus").read_text() for job in jobs) == ["2", "5", "7"]


MEMORY = "XLA_PYTHON_CLIENT_MEM_FRACTION"


@pytest.fixture
def gpus(monkeypatch):
    """Has the machine show GPUs of these names, and returns what `parallel` jobs at once would each be told."""
    for name in local.SPEAK_OF_MEMORY:
        monkeypatch.delenv(name, raising=False)

    def told(devices, parallel, **environment):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", devices)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return [(one.get("CUDA_VISIBLE_DEVICES"), one.get(MEMORY)) for one in shares(visible_gpus(), parallel)]

    return told


def test_more_jobs_than_gpus_share_them_and_their_memory(gpus):
    """No job sees two GPUs, and those on one GPU take 0.9 of its memory together; one alone takes what JAX takes."""
    assert gpus("0,1", 4) == [("0", "0.450"), ("1", "0.450")] * 2
    assert gpus("0,1", 3) == [("0", "0.450"), ("1", None), ("0", "0.450")]
    assert gpus("7", 3) == [("7", "0.300")] * 3


def test_as_many_jobs_as_gpus_have_one_each(gpus):
    assert gpus("0,1", 2) == [("0", None), ("1", None)]


def test_fewer_jobs_than_gpus_part_them_and_one_has_all(gpus):
    assert gpus("0,1,2", 2) == [("0,2", None), ("1", None)]
    assert gpus("0,1", 1) == [(None, None)]
    assert gpus("", 3) == gpus("-1,0", 3) == [(None, None)] * 3


@pytest.mark.parametrize("name", local.SPEAK_OF_MEMORY)
def test_what_the_user_says_of_memory_holds(gpus, name):
    """Two of these at once are an error to JAX."""
    assert [memory for _, memory in gpus("0", 2, **{name: "x"})] == [None, None]


def test_gpus_are_found_without_the_variable(monkeypatch, tmp_path):
    """What one GPU's driver shows, of which only the first is a GPU."""
    for name in ("nvidia0", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(local, "_DEVICES", tmp_path)
    assert visible_gpus() == ["0"]
    assert Local(Settings()).parallel == 1
    assert [share["CUDA_VISIBLE_DEVICES"] for share in shares(visible_gpus(), 3)] == ["0"] * 3


STOPPABLE = """
    import signal, sys, time
    def stop(*_):
        open(sys.argv[1] + "/saved", "w")
        sys.exit(75)
    signal.signal(signal.SIGTERM, stop)
    open(sys.argv[1] + "/ready", "w")
    time.sleep(60)
"""


def test_ctrl_c_lets_jobs_save_and_starts_no_more(tmp_path):
    code = """
import pathlib, signal, sys
from launch.engines import Settings
from launch.engines.local import Local
from tests.launch.test_local import STOPPABLE, Script
jobs = [Script(pathlib.Path(sys.argv[1]) / str(number), STOPPABLE) for number in range(3)]
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever starts the tests in the background ignores it
try:
    Local(Settings(parallel=2)).run(jobs)
except KeyboardInterrupt:
    sys.exit(130)
"""
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, start_new_session=True)
    deadline = time.monotonic() + 300
    while not all((tmp_path / name / "ready").exists() for name in "01"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=300) == 130
    assert all((tmp_path / name / "saved").exists() for name in "01")
    assert not (tmp_path / "2").exists()


def test_what_is_ended_on_purpose_did_not_fail(tmp_path):
    """Also a job that had no time to install a handler, with no retries: it has only stopped, and says no code."""
    for name, code, said in (
        ("ready", STOPPABLE, "stopped before its first checkpoint"),
        ("early", "open(__import__('sys').argv[1] + '/ready', 'w'); __import__('time').sleep(60)", "stopped before"),
        ("wrong", STOPPABLE.replace("75", "3"), "exit code 3: see"),
    ):
        job, told = Script(tmp_path / name, code), []
        attempts = Attempts(job.words, job.workdir, retries=0, env={}, about={}, tell=told.append)
        thread = threading.Thread(target=attempts.run)
        thread.start()
        deadline = time.monotonic() + 300
        while not (job.workdir / "ready").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        attempts.stop(signal.SIGTERM)
        thread.join(300)
        assert told[-1].startswith(said)
        assert not record(job)["gave_up"]


def test_an_unknown_engine_is_refused():
    with pytest.raises(ConfigError, match="did you mean 'local'"):
        load("locel", Settings())
    with pytest.raises(ConfigError, match="--hosts"):
        load("local", Settings(hosts=2))
