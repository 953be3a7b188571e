"""Runs jobs as processes on this machine: several at once, each with its own devices."""

import concurrent.futures
import itertools
import os
import pathlib
import queue
import signal
import threading
import time
from collections.abc import Iterable, Sequence

from launch import watch
from launch.attempts import Attempts, Tell
from launch.engines import Settings, command_lines
from launch.order import Order
from launch.plan import Job
from launch.queues import forget
from launch.state import taken
from sbn.config.durations import clock_time
from sbn.config.environment import expanded
from sbn.config.errors import ConfigError
from sbn.runs import files

# What JAX reads of the share of a GPU's memory that a process takes: the name that all versions know, and the new one,
# beside which that one is refused; the other two have it take what it needs
SPEAK_OF_MEMORY = (
    "XLA_PYTHON_CLIENT_MEM_FRACTION",
    "XLA_CLIENT_MEM_FRACTION",
    "XLA_PYTHON_CLIENT_PREALLOCATE",
    "XLA_PYTHON_CLIENT_ALLOCATOR",
)
_SHARED = 0.9  # of a GPU's memory, of all its jobs together
_REPORT_EVERY = 60.0  # seconds between two lines on each job that runs
_DEVICES = pathlib.Path("/dev")


class Local:
    """A bounded pool of processes; `settings.parallel` None means one per GPU, or one."""

    def __init__(self, settings: Settings, *, tell: Tell = print) -> None:
        if settings.hosts != 1 or settings.extra:
            raise ConfigError("--hosts and --engine_set have no effect with --engine=local, which runs on this machine")
        devices = visible_gpus()
        self.parallel = settings.parallel or max(1, len(devices))
        self._retries, self._tell = settings.retries, tell
        self._slots: queue.Queue[dict[str, str]] = queue.Queue()
        for variables in shares(devices, self.parallel):
            self._slots.put(variables)
        self._running: list[Attempts] = []
        self._lock = threading.Lock()
        self._stopping = False

    def preview(self, jobs: Sequence[Job]) -> list[str]:
        """Returns the command lines of the jobs.

        Raises:
            ConfigError: if what a job reads is not on this machine.
        """
        check_there(jobs)
        return command_lines(jobs)

    def run(self, jobs: Sequence[Job], *, elsewhere: Sequence[Job] = ()) -> None:
        """Runs jobs to their ends, as many at once as there are slots, and watches those that somebody else runs.

        Raises:
            KeyboardInterrupt: Ctrl-C, after every running job has saved and stopped. A second Ctrl-C kills them.
        """
        ended, told = 0, time.monotonic()
        order, others = Order(jobs, elsewhere=elsewhere, tell=self._tell), watch.Elsewhere(elsewhere, tell=self._tell)
        with concurrent.futures.ThreadPoolExecutor(self.parallel) as pool:
            futures = {pool.submit(self._run, job): job for job in order.due()}
            try:
                while futures or others:
                    if not futures:
                        time.sleep(watch.POLL)
                    timeout = watch.POLL if others else _REPORT_EVERY
                    over, _ = concurrent.futures.wait(futures, timeout, concurrent.futures.FIRST_COMPLETED)
                    if time.monotonic() - told >= _REPORT_EVERY:
                        told = time.monotonic()
                        self._report(futures.values())
                    others.add(futures.pop(future) for future in over if not future.result())
                    ours = [futures.pop(future) for future in over if future in futures]
                    ended += len(ours)
                    if ours and len(jobs) > 1:
                        self._tell(f"{ended} of {len(jobs)} jobs have ended")
                    due = order.due([*ours, *others.ended()])
                    futures |= {pool.submit(self._run, job): job for job in due}
            except KeyboardInterrupt:
                self._stop(signal.SIGTERM)
                if futures:
                    self._tell("stopping: every job saves a checkpoint and ends; Ctrl-C again kills them")
                try:
                    concurrent.futures.wait(futures)
                except KeyboardInterrupt:
                    self._stop(signal.SIGKILL)
                raise

    def _report(self, jobs: Iterable[Job]) -> None:
        """Tells how far each of these jobs is that runs."""
        for job in jobs:
            progress = files.glance(job.workdir, files.PROGRESS)
            if progress["step"] is not None and progress["step"] < progress["total"]:
                left = progress["seconds_left"]
                rest = f", {clock_time(left)} left" if left is not None else ""
                self._tell(f"{job.name}: step {progress['step']} of {progress['total']}{rest}")

    def _stop(self, number: signal.Signals) -> None:
        with self._lock:
            self._stopping = True
            for attempts in self._running:
                attempts.stop(number)

    def _run(self, job: Job) -> bool:
        """Returns False, and does nothing, if somebody else has begun the job since it was planned."""
        slot = self._slots.get()
        attempts = Attempts(
            job.words,
            job.workdir,
            retries=self._retries,
            env=slot,
            about={"engine": "local"},
            tell=lambda line: self._tell(f"{job.name}: {line}"),
        )
        try:
            with self._lock:
                if self._stopping:
                    return True
                forget()
                if taken(job):
                    return False
                self._running.append(attempts)
            try:
                attempts.run()
            except OSError as error:  # its folder can't be written; those of the others may
                attempts.stop(signal.SIGTERM)
                attempts.wait()
                self._tell(f"{job.name}: given up: {error}")
            with self._lock:
                self._running.remove(attempts)
            return True
        finally:
            self._slots.put(slot)


def check_there(jobs: Iterable[Job]) -> None:
    """Raises a ConfigError for the first archive or data folder that a job names and that is not on this machine."""
    named = {(key, job.config["data"][key]) for job in jobs for key in ("archive", "dir")}
    for key, path in sorted(pair for pair in named if pair[1] is not None):
        if "://" not in path and not expanded(path).exists():
            raise ConfigError(f"data.{key} = {path!r} does not exist")


def shares(devices: Sequence[str], parallel: int) -> list[dict[str, str]]:
    """Returns the variables of each of `parallel` jobs at once: its GPUs, and, of one that it shares, its memory.

    With fewer jobs than GPUs each has several; with more, some GPUs have several jobs, none of which may take the
    three quarters of the memory that JAX takes otherwise: 0.9 is parted among them. What the user says of memory holds.
    """
    if parallel == 1 or not devices:
        return [{} for _ in range(parallel)]
    owned = [list(devices[slot % len(devices) :: parallel]) for slot in range(parallel)]
    parted = any(name in os.environ for name in SPEAK_OF_MEMORY)
    made = []
    for own in owned:
        jobs = owned.count(own)
        limit = {SPEAK_OF_MEMORY[0]: f"{_SHARED / jobs:.3f}"} if jobs > 1 and not parted else {}
        made.append({"CUDA_VISIBLE_DEVICES": ",".join(own), **limit})
    return made


def visible_gpus() -> list[str]:
    """Returns the GPUs that jobs may use: those of CUDA_VISIBLE_DEVICES, or all of this machine."""
    if (named := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        names = [name.strip() for name in named.split(",")]
        return list(itertools.takewhile(lambda name: name not in ("", "-1"), names))  # as CUDA reads it
    return [str(number) for number in range(len(list(_DEVICES.glob("nvidia[0-9]*"))))]
