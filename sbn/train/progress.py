"""Progress, rate and time left, on the terminal and in progress.json."""

import sys
import time
from collections.abc import Callable, Mapping
from typing import TextIO

from etils import epath

from sbn.train.writers import write_atomically


class Progress:
    """Times a run, without the evaluations in its rate and with them in what is left.

    Args:
        total: steps of the run.
        start: steps done before this process.
        seconds: seconds spent before this process.
        batch_size: examples a step.
        clock: returns seconds; injected by tests.
        out: where lines go.
    """

    def __init__(
        self,
        total: int,
        *,
        start: int,
        seconds: float,
        batch_size: int,
        clock: Callable[[], float] = time.monotonic,
        out: TextIO | None = None,
    ) -> None:
        self._total, self._start, self._batch_size, self._clock = total, start, batch_size, clock
        self._out = out or sys.stdout
        self._began = clock() - seconds
        self._step, self._at = start, clock()
        self._first: tuple[int, float] | None = None

    def seconds(self) -> float:
        """Returns the seconds the run has taken, earlier processes included."""
        return self._clock() - self._began

    def report(self, step: int, scalars: Mapping[str, float]) -> dict[str, float]:
        """Prints a line about `step` steps being done; returns the numbers for progress.json."""
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
        print("  ".join(words), file=self._out, flush=True)
        return {
            "step": step,
            "total": self._total,
            "steps_per_second": rate,
            "seconds": self.seconds(),
            "seconds_left": left,
        }

    def restart_rate(self) -> None:
        """Leaves the time since the last report out of the rate, as after an evaluation."""
        self._at = self._clock()


def clock_time(seconds: float) -> str:
    """Returns '3:25:45' or '25:45'."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def write_progress(workdir: epath.Path, numbers: Mapping[str, float]) -> None:
    """Writes progress.json, with the wall-clock time, by which a reader knows whether the run is alive."""
    write_atomically(workdir / "progress.json", {**numbers, "time": time.time()})
