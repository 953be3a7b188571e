"""Restarts a job as long as that helps; every engine runs its jobs through this."""

import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from etils import epath

from launch.state import LOG
from sbn.config.durations import clock_time
from sbn.config.environment import environment
from sbn.runs import files, processes
from sbn.runs.content import Damaged

PREEMPTED = 75  # sbn.train: saved, start me again
_BAD_CONFIG = 2
Tell = Callable[[str], None]


class Attempts:
    """Runs `python WORDS` until it is done, or trying again is useless.

    A process that was asked to stop, or was killed, is restarted as long as it makes progress. One that ends with an
    error, or repeatedly dies at the same step, is tried `retries` more times. A diverged run is not restarted.

    Args:
        words: the arguments of python.
        workdir: where the job's files go; so do its log and a note of who runs it.
        retries: further tries of a job that does not get on.
        env: variables to set for it.
        about: what the note says besides, e.g. the engine.
        leads: of several hosts, whether this one writes the note; the others have logs of their own.
        tell: is given a line for every start and end.
    """

    def __init__(
        self,
        words: Sequence[str],
        workdir: epath.PathLike,
        *,
        retries: int,
        env: Mapping[str, str],
        about: Mapping[str, Any],
        leads: bool = True,
        tell: Tell = print,
    ) -> None:
        self._words, self._workdir, self._retries = list(words), pathlib.Path(workdir), retries
        self._env, self._about, self._leads, self._tell = dict(env), dict(about), leads, tell
        self._log = self._workdir / (LOG if leads else f"{LOG}.{socket.gethostname()}")
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._stopping = False

    def run(self) -> int:
        """Returns the exit code of the last try; that of a process killed by signal n is -n."""
        self._workdir.mkdir(parents=True, exist_ok=True)
        idle, step = 0, reached(self._workdir)
        while True:
            code = self._once()
            before, step = step, reached(self._workdir)
            idle = 0 if step > before or code == PREEMPTED else idle + 1
            diverged = files.glance(self._workdir, files.PROGRESS)["failed"] is not None
            over = code in (0, _BAD_CONFIG) or diverged or idle > self._retries
            # Whom we end ourselves may have had no time to begin: that is no failure.
            self._note({"code": code, "gave_up": over and code != 0 and not self._stopping})
            if self._stopping and code in (PREEMPTED, -signal.SIGTERM, -signal.SIGKILL):
                self._tell(f"stopped after step {step}" if step >= 0 else "stopped before its first checkpoint")
                return code
            if over or self._stopping:
                self._tell(f"done{_outcome(self._workdir)}" if code == 0 else f"exit code {code}: see {self._log}")
                return code
            self._tell(f"exit code {code} after step {step}; starting it again")

    def stop(self, number: signal.Signals) -> None:
        """Sends a signal to the process, and starts no other."""
        with self._lock:
            self._stopping = True
            if self._process is not None:
                self._process.send_signal(number)

    def wait(self) -> None:
        """Waits for the process to end, if one runs."""
        process = self._process
        if process is not None:
            process.wait()

    def _once(self) -> int:
        with self._log.open("ab") as log, self._lock:
            if self._stopping:
                return PREEMPTED
            # A session of its own: Ctrl-C reaches the launcher alone, which then asks the jobs to save.
            self._process = subprocess.Popen(
                [sys.executable, *self._words],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment() | self._env,
                start_new_session=True,
            )
            pid = self._process.pid
            self._note({"host": socket.gethostname(), "pid": pid, "began": processes.began(pid)})
        self._tell(f"started (process {self._process.pid})")
        code = self._process.wait()
        with self._lock:
            self._process = None
        return code

    def _note(self, record: Mapping[str, Any]) -> None:
        if self._leads:
            note(self._workdir, {**self._about, **record})


def _outcome(workdir: pathlib.Path) -> str:
    """Returns how long a finished run took and its first metric: ' in 0:42, test/main/accuracy 0.6953'."""
    try:
        result = files.read(workdir, files.RESULT)
    except Damaged:  # the state of the job says so
        return ""
    if result is None:
        return ""
    took = f" in {clock_time(result['seconds'])}"
    first = next(((name, value) for name, value in result["metrics"].items() if value is not None), None)
    return f"{took}, {first[0]} {first[1]:.4f}" if first else took


def reached(workdir: epath.Path | pathlib.Path) -> int:
    """Returns the newest step that a job has saved; -1 if none."""
    return max(files.saved_steps(workdir), default=-1)


def note(workdir: epath.Path | pathlib.Path, record: Mapping[str, Any]) -> None:
    """Writes the engine's note in a work directory: who runs the job, and how it ended."""
    workdir.mkdir(parents=True, exist_ok=True)
    files.write(workdir, files.JOB, {**record, "time": time.time()})
