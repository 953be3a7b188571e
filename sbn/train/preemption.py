"""Being asked to stop: SIGTERM, or the notice that the hosts of a pod agree on."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_CODE = 75  # EX_TEMPFAIL: start me again


class Preempted(Exception):
    """Training was asked to stop; its checkpoint is written."""


class Notice:
    """Whether this process was told to stop."""

    def __init__(self) -> None:
        self.given = False


@contextmanager
def watch() -> Iterator[Notice]:
    """Notes SIGTERM while the block runs, instead of dying of it.

    With several processes JAX's own service hears the signal and agrees on a step (`reached_preemption`); then, and
    outside the main thread, where Python allows no handler, the notice here is never given.
    """
    notice = Notice()

    def note(signum: int, frame: FrameType | None) -> None:
        notice.given = True

    try:
        previous = signal.signal(signal.SIGTERM, note)
    except ValueError:  # not the main thread
        yield notice
        return
    try:
        yield notice
    finally:
        signal.signal(signal.SIGTERM, previous)
