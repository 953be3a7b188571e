"""Jobs as processes of this machine: so many at once, each with devices of its own."""

import concurrent.futures
import os
import pathlib
import queue
import signal
import threading
from collections.abc import Sequence

from launch.attempts import Attempts, Tell
from launch.engines import Settings, command_lines
from launch.order import Order
from launch.plan import Job
from sbn.config.errors import ConfigError


class Local:
    """A bounded pool of processes; `settings.parallel` None means one a GPU, or one."""

    def __init__(self, settings: Settings, *, tell: Tell = print) -> None:
        if settings.hosts != 1 or settings.extra:
            raise ConfigError("--hosts and --engine_set mean nothing to --engine=local: it runs on this machine")
        devices = visible_gpus()
        self.parallel = settings.parallel or max(1, len(devices))
        self._retries, self._tell = settings.retries, tell
        # A slot a job: with several GPUs and several slots each gets its share of them.
        self._slots: queue.Queue[dict[str, str]] = queue.Queue()
        for slot in range(self.parallel):
            own = devices[slot :: self.parallel] if self.parallel > 1 else []
            self._slots.put({"CUDA_VISIBLE_DEVICES": ",".join(own)} if own else {})
        self._running: list[Attempts] = []
        self._lock = threading.Lock()
        self._stopping = False

    def preview(self, jobs: Sequence[Job]) -> list[str]:
        """Returns the command lines of the jobs."""
        return command_lines(jobs)

    def run(self, jobs: Sequence[Job]) -> None:
        """Runs jobs to their ends, as many at once as there are slots.

        Raises:
            KeyboardInterrupt: Ctrl-C, after every running job has saved and stopped. A second Ctrl-C kills them.
        """
        order = Order(jobs, tell=self._tell)
        with concurrent.futures.ThreadPoolExecutor(self.parallel) as pool:
            futures = {pool.submit(self._run, job): job for job in order.due()}
            try:
                while futures:
                    over, _ = concurrent.futures.wait(futures, return_when=concurrent.futures.FIRST_COMPLETED)
                    for future in over:
                        future.result()
                    due = order.due([futures.pop(future) for future in over])
                    futures |= {pool.submit(self._run, job): job for job in due}
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
            for attempts in self._running:
                attempts.stop(number)

    def _run(self, job: Job) -> None:
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
                    return
                self._running.append(attempts)
            attempts.run()
            with self._lock:
                self._running.remove(attempts)
        finally:
            self._slots.put(slot)


def visible_gpus() -> list[str]:
    """Returns the GPUs that jobs may use: those of CUDA_VISIBLE_DEVICES, or all of this machine."""
    if (named := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [name for name in named.split(",") if name]
    return [str(number) for number in range(len(list(pathlib.Path("/dev").glob("nvidia[0-9]*"))))]
