"""How far something long has come, its rate, and the time left: of training, evaluations and reading data alike."""

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from typing import TypeVar

from sbn.config.durations import clock_time
from sbn.runs import files, signals
from sbn.runs.content import Path

log = logging.getLogger(__name__)

EVERY = 10.0  # seconds between two lines
_IN_A_FILE = 60.0  # seconds between two lines of a log about a run that no one watches
Item = TypeVar("Item")


def shown(
    items: Iterable[Item],
    what: str,
    *,
    total: int | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Item]:
    """Yields `items`; where they take long, says how far it is.

    A signal to stop is heard between two of them, but not within training (`sbn.runs.signals`).

    Args:
        items: each takes about as long as another.
        what: is done, such as 'corruptions: batches'.
        total: how many they are, where `items` can't say.
        clock: returns seconds; injected by tests.

    Raises:
        Stopped: if this process was asked to stop.
    """
    count = len(items) if isinstance(items, Sized) else total
    start = last = clock()
    for done, item in enumerate(items, start=1):
        signals.check()
        yield item
        now = clock()
        if count and now - last >= EVERY:
            last = now
            rate = done / (now - start)
            log.info(
                "%s: %d of %d, %.3g per second, %s left", what, done, count, rate, clock_time((count - done) / rate)
            )


class Progress:
    """Times a run: the rate without evaluations, the time left with them. Of several processes one shows it.

    Args:
        workdir: where progress.json goes.
        total: steps of the run.
        stages: [steps before, steps after] by name.
        start: steps done before this process.
        seconds: seconds spent before this process.
        batch_size: examples per step.
        active: whether this process is the one that shows it.
        clock: returns seconds; injected by tests.
    """

    def __init__(
        self,
        workdir: Path,
        *,
        total: int,
        stages: Mapping[str, Sequence[int]],
        start: int,
        seconds: float,
        batch_size: int,
        active: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workdir, self._total, self._stages = workdir, total, stages
        self._start, self._batch_size = start, batch_size
        self._active, self._clock = active, clock
        self._began = clock() - seconds
        self._step, self._at = start, clock()
        self._first: tuple[int, float] | None = None
        self._compiled: tuple[int, float] | None = None
        self._shown, self._in_place = self._at, False
        self.show("compiling the training step ...")

    def seconds(self) -> float:
        """Returns the seconds the run has taken, earlier processes included."""
        return self._clock() - self._began

    def tick(self, step: int) -> None:
        """Says between two reports how far the run is, by time: on a terminal in place, in a log once per minute.

        The first call says how long compilation took. Steps that an accelerator has been given count as done.
        """
        now = self._clock()
        if self._compiled is None:
            self._compiled, self._shown = (step, now), now
            self.show(f"compiled in {clock_time(now - self._at)}")
        elif now - self._shown >= (EVERY if self._terminal() else _IN_A_FILE):
            self._shown = now
            rate = (step - self._compiled[0]) / max(now - self._compiled[1], 1e-9)
            left = (self._total - step) / rate if rate else None
            self.show(self._line(step, rate, left), in_place=self._terminal())
            self._write(step, steps_per_second=rate, seconds_left=left)

    def report(self, step: int, scalars: Mapping[str, float]) -> None:
        """Prints a line about `step` steps being done, and writes progress.json.

        The first stretch holds compilation: nothing is told of its rate, nor, before the end, of the time left.
        """
        now = self._clock()
        rate = left = None
        if self._first is not None:
            rate = (step - self._step) / max(now - self._at, 1e-9)
            left = (self._total - step) * (now - self._first[1]) / max(step - self._first[0], 1)
        elif step == self._total:
            left = 0.0
        else:
            self._first = (step, now)
        self._step, self._at, self._shown = step, now, now
        words = [self._line(step, rate, left), *(f"{name} {value:.4g}" for name, value in scalars.items())]
        self.show("  ".join(words))
        self._write(step, steps_per_second=rate, seconds_left=left)

    def failed(self, step: int, reason: str) -> None:
        """Leaves the reason why the run stopped in progress.json."""
        self._write(step, failed=reason)

    def show(self, line: str, *, in_place: bool = False) -> None:
        """Prints a line, once for all processes; one that is in place makes room for the next one."""
        if self._active:
            clear = "\r\x1b[K" if self._in_place else ""
            print(f"{clear}{line}", end="" if in_place else "\n", flush=True)
            self._in_place = in_place

    def _terminal(self) -> bool:
        return sys.stdout is not None and sys.stdout.isatty()

    def _line(self, step: int, rate: float | None, left: float | None) -> str:
        words = [
            f"step {step:>{len(str(self._total))}}/{self._total} {100 * step / self._total:5.1f}%",
            "compiled" if rate is None else f"{rate:.3g} steps/s ({rate * self._batch_size:.0f} examples/s)",
            f"left {'unknown yet' if left is None else clock_time(left)}",
        ]
        return "  ".join(words)

    def restart_rate(self) -> None:
        """Leaves the time since the last report out of the rate, as after an evaluation."""
        self._at = self._clock()

    def _write(self, step: int, **others: float | str | None) -> None:
        if self._active:
            known = {"step": step, "total": self._total, "stages": self._stages, "seconds": self.seconds()}
            # By the wall-clock time a reader knows whether the run is alive.
            files.write(self._workdir, files.PROGRESS, {**known, **others, "time": time.time()})
