"""Being asked to stop: a signal, or the notice that the hosts of a pod agree on."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import jax

from sbn.runs import signals

EXIT_CODE = signals.AGAIN


class Preempted(Exception):
    """Training was asked to stop; its checkpoint is written.

    Attributes:
        exit_code: 75, start me again, after SIGTERM; 130 after Ctrl-C.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.exit_code = signals.notice().exit_code


class Notice:
    """Whether this process was told to stop."""

    @property
    def given(self) -> bool:
        """Whether a signal was noted."""
        return signals.notice().given


@contextmanager
def watch() -> Iterator[Notice]:
    """Notes SIGTERM, Ctrl-C and SIGHUP while the block runs, instead of dying of them.

    With several processes the notice here is never given: JAX's own service hears SIGTERM, from which a handler of ours
    would keep it, and agrees on a step with the others (`Checkpoints.reached_preemption`); the other signals are turned
    into that one. Nor is it given outside the main thread, where Python allows no handler.
    """
    if jax.process_count() == 1:
        with signals.noting():
            yield Notice()
        return

    def turn(number: int, frame: FrameType | None) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    others = [number for number in (signal.SIGINT, getattr(signal, "SIGHUP", None)) if number is not None]
    try:
        previous = {number: signal.signal(number, turn) for number in others}
    except ValueError:  # not the main thread
        previous = {}
    try:
        yield Notice()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
