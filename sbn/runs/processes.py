"""Whether a process that a file names still runs: its number alone may have been given to another since."""

import functools
import os
import pathlib
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence

from sbn.runs import signals

_BOOT = pathlib.Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = "/proc/self/ns/pid"


@functools.cache
def _machine() -> str:
    """What process numbers are counted in: this start of the system, and the container; '' where it does not say."""
    try:
        return f"{_BOOT.read_text().strip()}/{os.readlink(_NAMESPACE)}"
    except OSError:
        return ""


def began(pid: int) -> str | None:
    """Returns when a process started, as a text that no other process of any machine shares; None if nobody knows.

    It is counted from the start of the system, so that a clock that is set anew changes nothing.
    """
    if not _machine() or pid <= 0:
        return None
    fields = _stat(pid)
    return f"{_machine()}/{fields[19]}" if fields and len(fields) > 19 else None


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third on: the second, a name, may hold blanks and brackets."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


def is_alive(host: str, pid: int | None, start: str | None) -> bool | None:
    """Returns whether a process is running; None if this machine can't know.

    Args:
        host: its machine's name.
        pid: its number.
        start: what `began` said of it; None: older files do not say, and a process of that number has to train.
    """
    if host != socket.gethostname() or pid is None:
        return None
    if start is not None and _machine() and start.rpartition("/")[0] != _machine():
        return None  # another container, or the machine was started again, or is another one of that name
    if not _exists(pid):
        return False
    return _trains(pid) if start is None else began(pid) in (start, None)


def run(words: Sequence[str], *, env: Mapping[str, str]) -> int:
    """Runs a command to its end, which may be asked for: what this process hears is passed on to it, once.

    It is no part of this process's group, so that Ctrl-C at a terminal, which all of a group hear, does not reach it
    twice: the second signal would end it without saving.

    Args:
        words: the command.
        env: the variables of its environment.

    Returns:
        its exit code; 128 + n of a process that signal n killed.
    """
    with signals.each_raising() as notice, subprocess.Popen(words, env=dict(env), start_new_session=True) as process:
        while True:
            try:
                code = process.wait()
            except KeyboardInterrupt:
                process.send_signal(notice.number or signal.SIGINT)
            else:
                return code if code >= 0 else 128 - code


def _exists(pid: int) -> bool:
    """Whether a process of that number runs; one that ended and was not waited for does not."""
    if not 0 < pid < 2**31:  # to the system, numbers below mean groups of processes
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    fields = _stat(pid)
    return fields is None or fields[0] != "Z"


def _trains(pid: int) -> bool:
    """Whether a process is one of ours, by its command line; yes where the system does not tell."""
    try:
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True
    return b"sbn" in words or b"launch" in words
