"""Where numbers go: metrics.jsonl, the one that everything here reads, and TensorBoard beside it."""

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

from etils import epath

from sbn.data.host.on_cpu import hide_gpus
from sbn.runs import metrics
from sbn.runs.lock import Lock
from sbn.train.trackers import Tracker


class Writers:
    """Writes scalars by step; of several processes one writes.

    Args:
        workdir: of the run.
        step: the step training goes on from; lines of later steps, left by a killed process, are dropped.
        tensorboard: whether to write event files too, where TensorFlow is there to do it.
        active: whether this process is the one that writes.
        kept: the lines that the restored checkpoint holds; None of older ones, which hold none.
        lock: of the work directory: nothing is written once another process has it.
        trackers: get the same numbers (`log.trackers`).
    """

    def __init__(
        self,
        workdir: epath.Path,
        *,
        step: int,
        tensorboard: bool,
        active: bool,
        kept: str | None = None,
        lock: Lock | None = None,
        trackers: Sequence[Tracker] = (),
    ) -> None:
        self._trackers = trackers
        self._log: metrics.Log | None = None
        self._events: Any = None
        self._lock = lock
        if not active:
            return
        self._log = metrics.Log(workdir / metrics.METRICS, step=step, kept=kept)
        if tensorboard and importlib.util.find_spec("tensorflow") and importlib.util.find_spec("tensorboard"):
            hide_gpus()
            from clu.metric_writers import SummaryWriter

            self._events = SummaryWriter(str(workdir / "tensorboard"))

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        """Adds one line of scalars.

        Raises:
            Lost: if another process trains in this work directory by now.
        """
        if self._log is None:
            return
        if self._lock is not None:
            self._lock.check()
        self._log.append(step, scalars)
        if self._events is not None:
            self._events.write_scalars(step, scalars)
        for tracker in self._trackers:
            tracker.write_scalars(step, dict(scalars))  # a copy: it may do with it as it likes

    @property
    def lines(self) -> str:
        """All lines so far, to be kept with a checkpoint; '' of a process that does not write."""
        return "" if self._log is None else self._log.text

    def settle(self) -> dict[str, int] | None:
        """Has all lines outlast a power loss; returns what the result says of them, None of a process without any.

        Raises:
            Lost: if another process trains in this work directory by now.
        """
        if self._log is None:
            return None
        if self._lock is not None:
            self._lock.check()
        return self._log.settle()

    def close(self) -> None:
        """Flushes what is pending."""
        if self._events is not None:
            self._events.close()
        for tracker in self._trackers:
            tracker.close()
