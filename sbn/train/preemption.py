"""Being asked to stop: SIGTERM, or the notice that the hosts of a pod agree on."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import jax

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

    With several processes the notice here is never given: JAX's own service hears the signal, from which a handler of
    ours would keep it, and agrees on a step with the others (`Checkpoints.reached_preemption`). Nor is it given outside
    the main thread, where Python allows no handler.
    """
    notice = Notice()
    if jax.process_count() > 1:
        yield notice
        return

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
