"""Ctrl-C, SIGTERM and SIGHUP: the first one asks a command to save and end, the second one ends it at once."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, Final

AGAIN, INTERRUPTED = 75, 130  # EX_TEMPFAIL: start me again; 128 + SIGINT
_CODES: Final = {
    getattr(signal, name): code
    for name, code in (("SIGTERM", AGAIN), ("SIGINT", INTERRUPTED), ("SIGHUP", INTERRUPTED))
    if hasattr(signal, name)  # Windows has no SIGHUP
}


STOPPED: Final = "stopped; to continue, start the same command again"


class Stopped(KeyboardInterrupt):
    """A signal to stop arrived where there is nothing to save, or during an evaluation."""


class Notice:
    """Whether this process was asked to stop, and by which signal."""

    def __init__(self) -> None:
        self.number: int | None = None

    @property
    def given(self) -> bool:
        """Whether it was asked to stop."""
        return self.number is not None

    @property
    def exit_code(self) -> int:
        """What a process that was asked to stop ends with."""
        return _CODES.get(signal.Signals(self.number), AGAIN) if self.number is not None else AGAIN


_notice = Notice()
_listening = False
_begun = False  # whether the command itself runs, which cleans up behind itself
_noting = False  # whether the first signal is noted, or raised as `Stopped`
_each = False  # whether every signal is raised, the second one too


def notice() -> Notice:
    """Returns whether this process was asked to stop."""
    return _notice


def check() -> None:
    """Raises `Stopped` if this process was asked to stop: for work that takes long and can be done again.

    Where signals are noted it is not: an evaluation within training ends, so that the state after it can be saved.
    """
    if _notice.given and not _noting:
        raise Stopped("asked to stop")


def listen() -> None:
    """Has signals heard from now on, as a command's first act; the second one ends the process at once.

    Until the command runs (`raising`), the first one does so too, with a line. A thread of its own hears the second:
    the main one may be inside a compiler for minutes.
    """
    global _listening
    if _listening:
        return
    _listening = True
    _install()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_end_at_second, args=(reader,), name="signals", daemon=True).start()


@contextlib.contextmanager
def raising() -> Iterator[None]:
    """Has the first signal raise `Stopped` in the main thread while the block, a command, runs."""
    global _begun
    before, _begun = _begun, True
    try:
        yield
    finally:
        _begun = before


@contextlib.contextmanager
def noting() -> Iterator[Notice]:
    """Has the first signal noted while the block runs, to be acted upon where the state is whole.

    Outside the main thread, where Python allows no handlers, none is ever noted. A signal that was noted counts as
    dealt with once the block is over.
    """
    global _noting
    try:
        previous = _install()
    except ValueError:  # not the main thread
        yield Notice()
        return
    before, _noting = _noting, True
    try:
        yield _notice
    finally:
        _noting = before
        for number, handler in previous.items():
            signal.signal(number, handler)
        if not _is_ours(previous):  # a caller of ours, such as a notebook, goes on
            _notice.number = None


@contextlib.contextmanager
def each_raising() -> Iterator[Notice]:
    """Has every signal raise `Stopped` while the block runs, the second one too, which then ends nothing by itself.

    For commands that look after other processes, which save at the first signal and are killed at the second.
    """
    global _each
    previous = _install()
    before, _each = _each, True
    try:
        yield _notice
    finally:
        _each = before
        for number, handler in previous.items():
            signal.signal(number, handler)


def _install() -> dict[int, Any]:
    """Hears the signals, and returns what heard them before; what is ignored, as under nohup, stays so."""
    heard = {number: signal.getsignal(number) for number in _CODES}
    for number, handler in heard.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _hear)
    return heard


def _is_ours(handlers: dict[int, Any]) -> bool:
    return _hear in handlers.values()


def _hear(number: int, frame: FrameType | None) -> None:
    if _notice.given and not _each:
        os._exit(_CODES[signal.Signals(number)])
    _notice.number = number
    if _each:
        raise Stopped("asked to stop")
    if _noting:
        return
    if not _begun:  # still importing: nothing to clean up, and nobody to tell it in a better way
        os.write(2, f"{STOPPED}\n".encode())
        os._exit(_notice.exit_code)
    raise Stopped("asked to stop")


def _end_at_second(reader: int) -> None:
    heard = 0
    while got := os.read(reader, 1):
        number = got[0]
        if number in _CODES:
            heard += 1
            if heard > 1 and not _each:
                os._exit(_CODES[signal.Signals(number)])
