"""One process trains in a work directory; who is gone has lost it, and who is silent for long enough."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time

import pytest

from sbn.config.errors import ConfigError
from sbn.runs import lock, processes
from sbn.runs.lock import LOCK, Lost, is_held, locked

HOLD = """
import pathlib, sys, time
from sbn.runs.lock import locked
with locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds the lock of tmp_path / 'run'."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "run")], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(lock, "BEAT", 0.05)
    monkeypatch.setattr(lock, "SILENCE", 0.5)


def take(folder):
    with locked(folder):
        pass


def test_the_second_start_is_told_who_has_it(tmp_path, other):
    with pytest.raises(
        ConfigError, match=rf"run is being trained by process {other.pid} on \S+ since \d{{4}}-"
    ) as told:
        take(tmp_path / "run")
    assert "\n" not in str(told.value)
    assert is_held(tmp_path / "run")


def test_a_process_that_was_killed_has_lost_it_at_once(tmp_path, other):
    other.kill()
    other.wait()
    assert is_held(tmp_path / "run") is False
    began = time.monotonic()
    take(tmp_path / "run")
    assert time.monotonic() - began < lock.SILENCE / 2


def test_a_number_that_another_process_has_got_since_does_not_hold_it(tmp_path):
    here = processes.began(os.getpid())
    start = here.rpartition("/")[0] + "/1"  # another process of this number, since the system started
    left = {"host": socket.gethostname(), "pid": os.getpid(), "began": start, "since": "then", "token": "x"}
    (tmp_path / LOCK).write_text(json.dumps(left))
    take(tmp_path)


def test_it_is_given_back_and_a_folder_that_stayed_empty_is_gone(tmp_path):
    with locked(tmp_path / "a" / "b") as held:
        held.check()
        assert is_held(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []
    with locked(tmp_path / "a"):
        (tmp_path / "a" / "config.json").write_text("{}")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["config.json"]


def test_it_is_given_back_where_the_run_fails(tmp_path):
    def fail():
        with locked(tmp_path):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    take(tmp_path)


def elsewhere(folder, **changes):
    left = {"host": "elsewhere", "pid": 7, "began": None, "since": "then", "token": "x", "beats": 1, **changes}
    (folder / LOCK).write_text(json.dumps(left))


def test_a_process_elsewhere_that_gives_no_sign_of_life_has_lost_it(tmp_path, quick, capsys):
    elsewhere(tmp_path)
    take(tmp_path)
    assert "process 7 on elsewhere since then alive? Watching for" in capsys.readouterr().out


def test_a_process_elsewhere_that_gives_signs_of_life_keeps_it(tmp_path, quick):
    elsewhere(tmp_path)
    beat = threading.Timer(0.2, lambda: elsewhere(tmp_path, beats=2))
    beat.start()
    with pytest.raises(ConfigError, match="process 7 on elsewhere"):
        take(tmp_path)
    beat.join()


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"pid": "x", "host": 3}', b"\xff", b"9" * 5000])
def test_a_damaged_lock_is_watched_and_taken_over(tmp_path, quick, content):
    (tmp_path / LOCK).write_bytes(content)
    take(tmp_path)


def test_its_holder_gives_signs_of_life(tmp_path, quick):
    with locked(tmp_path):
        first = (tmp_path / LOCK).read_bytes()
        deadline = time.monotonic() + 10
        while (tmp_path / LOCK).read_bytes() == first:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def check_for(seconds, held):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        held.check()
        time.sleep(0.02)


def test_who_was_silent_for_too_long_learns_that_it_has_lost_it_and_leaves_it_alone(tmp_path, quick):
    with locked(tmp_path) as held:
        elsewhere(tmp_path)
        with pytest.raises(Lost, match="process 7 on elsewhere"):
            check_for(10, held)
    assert json.loads((tmp_path / LOCK).read_text())["pid"] == 7


RACE = """
import pathlib, sys, time
from sbn.config.errors import ConfigError
from sbn.runs.lock import locked
time.sleep(max(0, float(sys.argv[2]) - time.time()))
try:
    with locked(pathlib.Path(sys.argv[1])):
        print("got it", flush=True)
        time.sleep(float(sys.argv[3]))
except ConfigError:
    print("refused", flush=True)
"""


def test_of_many_starts_at_one_moment_one_gets_it_also_where_a_dead_one_is_taken_over(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    gone = {"host": socket.gethostname(), "pid": 2**22 + 1, "began": None, "since": "then", "token": "x"}
    (folder / LOCK).write_text(json.dumps(gone))
    words = [sys.executable, "-c", RACE, str(folder), str(time.time() + 4), "8"]
    started = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    said = sorted(process.communicate()[0].strip() for process in started)
    assert said == ["got it"] + ["refused"] * 5


def test_numbers_that_are_no_process_do_not_run():
    here = socket.gethostname()
    assert not any(processes.is_alive(here, pid, None) for pid in (0, -1, 2**22 + 1, 2**40))
    assert processes.is_alive(here, os.getpid(), processes.began(os.getpid()))
    assert processes.is_alive("elsewhere", os.getpid(), None) is None
    assert processes.began(-1) is None
    assert pathlib.Path(f"/proc/{os.getpid()}").exists()


def test_who_runs_in_a_folder_that_was_moved_away_learns_it_before_the_next_line(tmp_path):
    """Also where another process, or a library that makes folders, has made one of that name since."""
    folder = tmp_path / "run"
    with locked(folder) as held:
        held.check()
        folder.rename(tmp_path / "moved")
        folder.mkdir()
        with pytest.raises(Lost, match=r"lock\.json is gone: the folder was moved or removed"):
            held.check()
    assert (tmp_path / "moved" / LOCK).exists()
