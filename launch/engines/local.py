"""Jobs as processes of this machine: so many at once, each with devices of its own."""

import concurrent.futures
import json
import os
import pathlib
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from launch.plan import Job
from launch.state import LOG, RECORD, read

_PREEMPTED = 75  # sbn.train: saved, start me again
_BAD_CONFIG = 2
Tell = Callable[[str], None]


class Local:
    """A bounded pool of processes.

    A process that was asked to stop, or killed, starts again for as long as it gets on; one that ends with an error, or
    dies at the same step again and again, is tried `retries` times more. A diverged run is not tried again.

    Args:
        parallel: jobs at once; None: one a GPU, or one.
        retries: further tries of a job that does not get on.
        tell: is given a line for every start and end.
    """

    def __init__(self, *, parallel: int | None = None, retries: int = 2, tell: Tell = print) -> None:
        devices = visible_gpus()
        self.parallel = parallel or max(1, len(devices))
        self._retries, self._tell = retries, tell
        # A slot a job: with several GPUs and several slots each gets its share of them.
        self._slots: queue.Queue[dict[str, str]] = queue.Queue()
        for slot in range(self.parallel):
            own = devices[slot :: self.parallel] if self.parallel > 1 else []
            self._slots.put({"CUDA_VISIBLE_DEVICES": ",".join(own)} if own else {})
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self._stopping = False

    def run(self, jobs: Sequence[Job]) -> None:
        """Runs jobs to their ends, in order, as many at once as there are slots.

        Raises:
            KeyboardInterrupt: Ctrl-C, after every running job has saved and stopped. A second Ctrl-C kills them.
        """
        with concurrent.futures.ThreadPoolExecutor(self.parallel) as pool:
            futures = [pool.submit(self._run, job) for job in jobs]
            try:
                for future in concurrent.futures.as_completed(futures):
                    future.result()
            except KeyboardInterrupt:
                self._stop(signal.SIGTERM)
                self._tell("stopping: the jobs save and end; Ctrl-C again kills them")
                try:
                    concurrent.futures.wait(futures)
                except KeyboardInterrupt:
                    self._stop(signal.SIGKILL)
                raise

    def _stop(self, number: signal.Signals) -> None:
        with self._lock:
            self._stopping = True
            for process in self._running.values():
                process.send_signal(number)

    def _run(self, job: Job) -> None:
        slot = self._slots.get()
        try:
            idle, step = 0, reached(job)
            while not self._stopping:
                code = self._once(job, slot)
                before, step = step, reached(job)
                idle = 0 if step > before or code == _PREEMPTED else idle + 1
                over = (
                    code in (0, _BAD_CONFIG) or "failed" in read(job.workdir / "progress.json") or idle > self._retries
                )
                note(job.workdir, {"code": code, "gave_up": over and code != 0})
                if over or self._stopping:
                    end = "done" if code == 0 else f"ended with code {code}: see {job.workdir / LOG}"
                    self._tell(f"{job.name}: {end}")
                    return
                self._tell(f"{job.name}: ended with code {code} after step {step}, starts again")
        finally:
            self._slots.put(slot)

    def _once(self, job: Job, slot: Mapping[str, str]) -> int:
        job.workdir.mkdir(parents=True, exist_ok=True)
        with (job.workdir / LOG).open("ab") as log, self._lock:
            if self._stopping:
                return _PREEMPTED
            # A session of its own: Ctrl-C reaches the launcher alone, which then asks the jobs to save.
            process = subprocess.Popen(
                [sys.executable, *job.words],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **slot},
                start_new_session=True,
            )
            self._running[process.pid] = process
            note(job.workdir, {"engine": "local", "host": socket.gethostname(), "pid": process.pid})
        self._tell(f"{job.name}: started (process {process.pid})")
        code = process.wait()
        with self._lock:
            del self._running[process.pid]
        return code


def reached(job: Job) -> int:
    """Returns the newest step that a job has saved; -1 if none."""
    try:
        names = [path.name for path in (job.workdir / "checkpoints").iterdir()]
    except OSError:
        return -1
    return max((int(name) for name in names if name.isdigit()), default=-1)


def note(workdir: pathlib.Path, record: Mapping[str, Any]) -> None:
    """Writes the engine's note in a work directory, in one go."""
    draft = workdir / f".{RECORD}.draft"
    draft.write_text(json.dumps({**record, "time": time.time()}) + "\n")
    draft.replace(workdir / RECORD)


def visible_gpus() -> list[str]:
    """Returns the GPUs that jobs may use: those of CUDA_VISIBLE_DEVICES, or all of this machine."""
    if (named := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [name for name in named.split(",") if name]
    return [str(number) for number in range(len(list(pathlib.Path("/dev").glob("nvidia[0-9]*"))))]
