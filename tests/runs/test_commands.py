"""What goes wrong in a command is one line and an exit code; signals save first and end second."""

import errno
import importlib
import io
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from sbn.config.errors import ConfigError
from sbn.runs import signals
from sbn.runs.commands import command
from sbn.runs.content import Damaged
from sbn.runs.lock import Lost
from tests.conftest import ROOT


class Diverged(RuntimeError):
    exit_code = 1


def chained():
    try:
        raise OSError(errno.ENOSPC, "No space left on device", "a/b")
    except OSError as error:
        raise ValueError("Orbax: something\nwith many\nlines") from error


ERRORS = {
    "a config": (lambda: ConfigError("unknown key"), 2, "unknown key"),
    "a damaged file": (lambda: Damaged("a/result.json", "it is empty"), 2, "a/result.json is damaged (it is empty)"),
    "a run that failed": (lambda: Diverged("loss is nan at step 7"), 1, "loss is nan at step 7"),
    "a lost lock": (lambda: Lost("taken over"), 1, "taken over"),
    "a full disk": (lambda: OSError(errno.ENOSPC, "No space left on device", "a/b"), 1, "No space left on device: a/b"),
    "no permission": (lambda: PermissionError(errno.EACCES, "Permission denied", "x"), 1, "Permission denied: x"),
    "a path to nothing": (lambda: OSError(errno.ENOENT, "No such file", "x"), 2, "No such file: x"),
    "a path too long": (lambda: OSError(errno.ENAMETOOLONG, "File name too long", "x"), 2, "File name too long: x"),
    "no memory": (MemoryError, 1, "out of memory"),
    "no threads": (lambda: RuntimeError("can't start new thread"), 1, "RuntimeError: can't start new thread"),
    "no device memory": (
        lambda: RuntimeError("INTERNAL: x\nRESOURCE_EXHAUSTED: Out of memory allocating 9 bytes"),
        1,
        "RuntimeError: RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes",
    ),
    "a full disk, told by TensorStore": (
        lambda: ValueError(
            'RESOURCE_EXHAUSTED: Error writing local file "/a/b": Failed writing: "/a/b.__lock": Failed to write 9 '
            "bytes to file 6: No space left on device [os_error_code='28'] [source locations='x.cc']"
        ),
        1,
        "No space left on device: /a/b",
    ),
    "what no library can read": (lambda: OSError("cannot identify image"), 2, "cannot identify image"),
    "waiting in vain": (lambda: TimeoutError("waited for 9 seconds"), 1, "waited for 9 seconds"),
    "Ctrl-C": (KeyboardInterrupt, 130, "stopped; to continue, start the same command again"),
    "escapes": (lambda: ConfigError("\x1b[2Jgone"), 2, r"\x1b[2Jgone"),
    "several lines": (lambda: ConfigError("a\nb"), 2, "a b"),
}


@pytest.mark.parametrize("what", ERRORS)
def test_an_error_is_one_line_and_a_code(what, capsys, monkeypatch):
    monkeypatch.delenv("SBN_TRACEBACK", raising=False)
    error, code, line = ERRORS[what]

    @command("python -m sbn.x")
    def main(argv):
        raise error()

    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == code
    assert capsys.readouterr().err == f"python -m sbn.x: {line}\n"


def test_what_the_machine_refused_is_found_below_a_librarys_own_error(capsys):
    with pytest.raises(SystemExit, match="1"):
        command("x")(lambda argv: chained())([])
    assert capsys.readouterr().err == "x: No space left on device: a/b\n"


def while_handling(first, second):
    """`second`, raised by code that had caught `first`."""
    try:
        raise first
    except type(first):
        raise second  # noqa: B904


def test_a_fault_of_the_program_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        command("x")(lambda argv: 1 // 0)([])


@pytest.mark.parametrize("named", [FileNotFoundError(errno.ENOENT, "No such file", "a"), NotADirectoryError(20, "b")])
def test_a_fault_of_code_that_goes_on_without_a_file_is_not_told_as_that_of_the_file(named):
    with pytest.raises(KeyError, match="a key of the user's"):
        command("x")(lambda argv: while_handling(named, KeyError("a key of the user's")))([])


@pytest.mark.parametrize("first", [OSError(errno.ENOSPC, "No space left on device", "a"), MemoryError()])
def test_a_fault_that_its_author_separates_from_the_machines_is_not_told_as_that(first):
    def main(argv):
        try:
            raise first
        except (OSError, MemoryError):
            raise ValueError("mine") from None

    with pytest.raises(ValueError, match="mine"):
        command("x")(main)([])


def test_a_fault_while_the_machine_refuses_something_is_told_with_that(capsys):
    full = OSError(errno.ENOSPC, "No space left on device", "a/b")
    with pytest.raises(SystemExit, match="1"):
        command("x")(lambda argv: while_handling(full, ValueError("mine\nand more")))([])
    assert capsys.readouterr().err == "x: ValueError: mine (No space left on device: a/b)\n"


def test_errors_that_are_each_others_reason_are_told_once(capsys):
    first, second = ValueError("a"), ValueError("can't start new thread")
    first.__cause__, second.__cause__ = second, first
    with pytest.raises(SystemExit, match="1"):
        command("x")(lambda argv: while_handling(KeyError(), first))([])
    assert capsys.readouterr().err == "x: ValueError: can't start new thread\n"


def test_the_traceback_is_shown_on_request(capsys, monkeypatch):
    monkeypatch.setenv("SBN_TRACEBACK", "1")
    with pytest.raises(SystemExit, match="1"):
        command("x")(lambda argv: chained())([])
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert said.endswith("x: No space left on device: a/b\n")


REFUSED = {
    "sbn.list": ["no_such_file"],
    "sbn.report.__main__": ["split_bn:table3", "--root=nothing here"],
    "sbn.augment.__main__": ["show", "no_such_op"],
    "launch.sweep": ["--experiment=split_bn:table3/baseline", "--seeds=-3", "--root=a"],
    "sbn.train.__main__": ["--config=split_bn:table3/baseline", "--config.optim.lr=x", "--workdir=a"],
}


@pytest.mark.parametrize("module", REFUSED)
def test_every_command_shows_where_its_error_was_raised_on_request_and_only_then(module, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    main = importlib.import_module(module).main
    said = {}
    for wanted in ("", "1"):
        monkeypatch.setenv("SBN_TRACEBACK", wanted)
        with pytest.raises(SystemExit) as ended:
            main(REFUSED[module])
        assert ended.value.code == 2
        said[wanted] = capsys.readouterr().err
    assert said[""].count("\n") == 1
    assert said["1"].startswith("Traceback (most recent call last):\n")
    assert "sbn.config.errors.ConfigError" in said["1"]
    assert said["1"].endswith(said[""])


def test_a_name_that_no_alphabet_has_is_printed(monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), "utf-8")
    monkeypatch.setattr(sys, "stdout", out)
    assert command("x")(lambda argv: print("a\udcff: done"))([]) == 0
    assert out.buffer.getvalue() == b"a\\udcff: done\n"


def test_a_command_that_returns_nothing_is_done():
    assert command("x")(lambda argv: None)([]) == 0
    assert command("x")(lambda argv: 3)([]) == 3


def run(*words, **options):
    return subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, **options
    )


def test_who_stops_reading_a_listing_sees_no_traceback():
    script = f"{sys.executable} -m sbn.list --keys | head -n 1"
    ended = subprocess.run(script, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    assert ended.stdout.count("\n") == 1
    assert ended.stderr == ""


SLOW = """
import sys, time
from sbn.runs import commands, signals
@commands.command("slow")
def main(argv):
    if argv[0] == "note":
        with signals.noting() as notice:
            print("ready", flush=True)
            while not notice.given:
                time.sleep(0.01)
            print("saving", flush=True)
            time.sleep(float(argv[1]))
        print("saved", flush=True)
        raise signals.Stopped
    print("ready", flush=True)
    time.sleep(30)
commands.start(main)
"""


def stopped(numbers, *words, saving="0"):
    """The exit code and all that is printed of a slow command that gets signals once it is ready."""
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", SLOW, *words, saving], cwd=ROOT, **piped) as process:
        said = process.stdout.readline()
        process.send_signal(numbers[0])
        if len(numbers) > 1:
            said += process.stdout.readline()
            process.send_signal(numbers[1])
        out, err = process.communicate(timeout=600)
    return process.returncode, said + out, err


LINE = "slow: stopped; to continue, start the same command again\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 75), (signal.SIGINT, 130), (signal.SIGHUP, 130)])
def test_a_signal_ends_a_command_with_one_line(number, code):
    assert stopped([number], "wait") == (code, "ready\n", LINE)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 75), (signal.SIGINT, 130), (signal.SIGHUP, 130)])
def test_a_signal_where_there_is_something_to_save_saves_it(number, code):
    assert stopped([number], "note") == (code, "ready\nsaving\nsaved\n", LINE)


def test_the_second_signal_ends_at_once():
    code, out, _ = stopped([signal.SIGINT, signal.SIGINT], "note", saving="3600")
    assert (code, out) == (130, "ready\nsaving\n")


COMPILING = """
import hashlib
from sbn.runs import signals
signals.listen()
print("ready", flush=True)
hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # as in a compiler: no handler of Python's runs meanwhile
"""


def test_the_second_signal_ends_at_once_also_inside_of_a_compiler():
    words = [sys.executable, "-c", COMPILING]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.terminate()
        time.sleep(0.3)
        process.terminate()
        assert process.wait(timeout=600) == 75  # the hash takes longer


def test_signals_that_are_ignored_stay_so():
    """As under nohup."""
    ignored = "import os, signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    heard = "from sbn.runs import signals; signals.listen(); os.kill(os.getpid(), signal.SIGHUP); print(1)"
    ended = run("-c", f"{ignored}; {heard}")
    assert (ended.returncode, ended.stdout) == (0, "1\n")


def test_sigterm_within_the_first_second_of_a_start_counts(tmp_path):
    """Before jax is loaded: nothing is written yet, and the code says 'start me again'."""
    words = [f"--config={ROOT}/experiments/split_bn.py:table3/baseline", f"--workdir={tmp_path / 'run'}"]
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-m", "sbn.train", *words], cwd=ROOT, **piped) as process:
        wakeup = pathlib.Path(f"/proc/{process.pid}/status")
        while not _catches(wakeup, signal.SIGTERM):
            assert process.poll() is None
            time.sleep(0.01)
        process.terminate()
        _, err = process.communicate(timeout=600)
    assert (process.returncode, err.removeprefix("python -m sbn.train: ")) == (75, f"{signals.STOPPED}\n")
    assert not (tmp_path / "run").exists()


def _catches(status, number):
    (mask,) = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("SigCgt"))
    return int(mask, 16) >> (number - 1) & 1


def test_a_handler_is_given_back_to_a_library_caller():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    with signals.noting() as notice:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)
        assert (notice.given, notice.exit_code) == (True, 75)
    assert {number: signal.getsignal(number) for number in before} == before
    assert not signals.notice().given


PARENT = """
import os, sys
from sbn.runs import commands, processes
@commands.command("parent")
def main(argv):
    return processes.run([sys.executable, "-c", argv[0], *argv[1:]], env=os.environ)
commands.start(main)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 75), (signal.SIGINT, 130)])
def test_a_command_that_runs_another_passes_a_signal_on_and_waits_until_that_has_saved(number, code):
    """At a terminal all processes of a group hear Ctrl-C: what runs below hears it once."""
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen([sys.executable, "-c", PARENT, SLOW, "note", "0.5"], cwd=ROOT, **piped) as process:
        said = process.stdout.readline()
        os.killpg(process.pid, number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, said + out, err) == (code, "ready\nsaving\nsaved\n", LINE)


CLOSED = """
import os, sys
from sbn.runs import commands
commands.begin()
print("told", flush=True)
with open(sys.argv[1], "w") as file:
    print(sorted(os.path.realpath(f"/proc/self/fd/{number}") for number in (0, 1, 2)), file=file)
"""


def test_where_standard_streams_are_closed_nothing_is_printed_into_the_next_file(tmp_path):
    path = tmp_path / "file"
    script = tmp_path / "script.py"
    script.write_text(CLOSED)
    words = f"{sys.executable} {script} {path} <&- >&- 2>&-"
    subprocess.run(words, shell=True, cwd=ROOT, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert path.read_text() == "['/dev/null', '/dev/null', '/dev/null']\n"
