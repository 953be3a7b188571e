"""The command line of a sweep: what it says first, and what it refuses before it looks at anything."""

import signal
import subprocess
import sys

import pytest

from launch import status, sweep
from launch.plan import remarks
from tests.conftest import ROOT


def test_plan_and_status_begin_with_the_rows_that_they_leave_out(tmp_path, capsys):
    words = ["--experiment=refine:*/standard", f"--root={tmp_path}"]
    told = remarks(["refine:*/standard"])
    assert told
    for main, more in ((sweep.main, ["--dry_run"]), (status.main, [])):
        main([*words, *more])
        assert capsys.readouterr().out.splitlines()[: len(told)] == told


def test_a_bucket_that_will_not_do_is_not_asked(monkeypatch, capsys):
    """It may be out of reach."""
    monkeypatch.setattr(sweep, "look", lambda job: pytest.fail("looked into the bucket"))
    with pytest.raises(SystemExit) as ended:
        sweep.main(["--experiment=quickstart", "--root=gs://bucket/runs", "--dry_run"])
    said = capsys.readouterr()
    assert (ended.value.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert "is in a bucket: --engine=local needs a --root on a disk" in said.err


@pytest.mark.parametrize("flag", ["--parallel=-1", "--parallel=0", "--hosts=0", "--retries=-1", "--minutes=0"])
def test_numbers_that_are_too_small_are_refused_in_one_line(flag, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        sweep.main(["--experiment=quickstart", f"--root={tmp_path}", flag, "--dry_run"])
    assert capsys.readouterr().err.partition(": ")[2].startswith(f"{flag} is too small: the least is ")


def test_a_setting_of_an_engine_has_a_value(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        sweep.main(["--experiment=quickstart", f"--root={tmp_path}", "--engine_set", "partition", "--dry_run"])
    assert capsys.readouterr().err == "python -m launch.sweep: --engine_set partition: write key=value\n"


WAITING = """
import sys, time
from launch import sweep
from sbn.runs import commands

class Engine:
    parallel = 1
    def preview(self, jobs):
        return []
    def run(self, jobs, *, elsewhere=()):
        try:
            print("ready", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            try:
                print("saving", flush=True)
                time.sleep(float(sys.argv.pop()))
            except KeyboardInterrupt:
                time.sleep(0.5)
                print("killed", flush=True)
            raise

sweep.load = lambda name, settings: Engine()
commands.start(lambda: sweep.main(sys.argv[1:-1]))
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 75)])
def test_a_sweep_that_is_stopped_lets_its_jobs_save_and_says_by_which_signal(tmp_path, number, code):
    said, ended, out, err = stopped_sweep(tmp_path, [number], seconds="0.5")
    assert (ended, out) == (code, "saving\n"), said
    assert err == "python -m launch.sweep: stopped; to resume, start the same command again\n"


def test_the_second_signal_to_a_sweep_kills_its_jobs_before_it_ends(tmp_path):
    _, ended, out, _ = stopped_sweep(tmp_path, [signal.SIGINT, signal.SIGINT], seconds="30")
    assert (ended, out) == (130, "saving\nkilled\n")


def stopped_sweep(root, numbers, *, seconds):
    """What a sweep said, its exit code, and what it said after signals, one after the other."""
    words = [sys.executable, "-c", WAITING, "--experiment=quickstart:methods/weak_augment", f"--root={root}", seconds]
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(words, cwd=ROOT, **piped) as process:
        said = []
        while "ready\n" not in said:
            said.append(process.stdout.readline())
        process.send_signal(numbers[0])
        first = process.stdout.readline()
        for number in numbers[1:]:
            process.send_signal(number)
        out, err = process.communicate(timeout=60)
    return said, process.returncode, first + out, err
