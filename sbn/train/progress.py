"""Progress, rate and time left, on the terminal and in progress.json."""

import time
from collections.abc import Callable, Mapping

from etils import epath

from sbn.config.durations import clock_time
from sbn.runs import files
from sbn.train.plan import Plan


class Progress:
    """Times a run: the rate without evaluations, the time left with them. Of several processes one shows it.

    Args:
        workdir: where progress.json goes.
        plan: of the run.
        start: steps done before this process.
        seconds: seconds spent before this process.
        batch_size: examples a step.
        active: whether this process is the one that shows it.
        clock: returns seconds; injected by tests.
    """

    def __init__(
        self,
        workdir: epath.Path,
        plan: Plan,
        *,
        start: int,
        seconds: float,
        batch_size: int,
        active: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workdir, self._total, self._stages = workdir, plan.total, plan.spans
        self._start, self._batch_size = start, batch_size
        self._active, self._clock = active, clock
        self._began = clock() - seconds
        self._step, self._at = start, clock()
        self._first: tuple[int, float] | None = None

    def seconds(self) -> float:
        """Returns the seconds the run has taken, earlier processes included."""
        return self._clock() - self._began

    def report(self, step: int, scalars: Mapping[str, float]) -> None:
        """Prints a line about `step` steps being done, and writes progress.json."""
        now = self._clock()
        rate = (step - self._step) / max(now - self._at, 1e-9)
        # The first stretch holds compilation, so what is left is judged by what came after it, evaluations included.
        since = self._first or (self._start, self._at)
        left = (self._total - step) * (now - since[1]) / max(step - since[0], 1)
        if self._first is None:
            self._first = (step, now)
        self._step, self._at = step, now
        words = [
            f"step {step:>{len(str(self._total))}}/{self._total} {100 * step / self._total:5.1f}%",
            f"{rate:.3g} steps/s ({rate * self._batch_size:.0f} examples/s)",
            f"left {clock_time(left)}",
            *(f"{name} {value:.4g}" for name, value in scalars.items()),
        ]
        self.show("  ".join(words))
        if self._active:
            numbers = {"step": step, "total": self._total, "stages": self._stages}
            numbers |= {"steps_per_second": rate, "seconds": self.seconds()}
            # By the wall-clock time a reader knows whether the run is alive.
            files.write(self._workdir, files.PROGRESS, {**numbers, "seconds_left": left, "time": time.time()})

    def failed(self, step: int, reason: str) -> None:
        """Leaves the reason why the run stopped in progress.json."""
        if self._active:
            stopped = {"step": step, "total": self._total, "stages": self._stages, "failed": reason}
            stopped |= {"seconds": self.seconds()}
            files.write(self._workdir, files.PROGRESS, {**stopped, "time": time.time()})

    def show(self, line: str) -> None:
        """Prints a line, once for all processes."""
        if self._active:
            print(line, flush=True)

    def restart_rate(self) -> None:
        """Leaves the time since the last report out of the rate, as after an evaluation."""
        self._at = self._clock()
