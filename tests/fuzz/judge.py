"""Runs a command in this process and judges how it ended: it works, or it says one line and writes nothing."""

import contextlib
import hashlib
import io
import os
import pathlib
import signal
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

HANG = 60.0  # CPU seconds of one command, some hundred times what any takes here; a busy machine adds none

_TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # turn the direction of writing


class Outcome(NamedTuple):
    """How a command ended: its exit code, and what it printed."""

    code: int
    out: str
    err: str


def run(main: Callable[..., int], words: Sequence[str]) -> Outcome:
    """Returns how `main` ends. What it raises but SystemExit, a traceback to whoever started it, comes through."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", errors=errors) for errors in ("strict", "backslashreplace"))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), _no_hang(words):
        try:
            code = main(list(words))
        except SystemExit as ended:
            code = ended.code
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())
    return Outcome(code if isinstance(code, int) else 1, *texts)


def judge(main: Callable[..., int], words: Sequence[str], *, prog: str, folder: pathlib.Path) -> Outcome:
    """Runs a command and asserts what all commands promise.

    Args:
        main: of the command.
        words: its arguments.
        prog: how it is called, which its one line begins with.
        folder: everything that it can write to; unchanged where it refuses.
    """
    before = contents(folder)
    outcome = run(main, words)
    assert "Traceback" not in outcome.out + outcome.err, outcome
    assert outcome.code in (0, 1, 2), outcome
    assert outcome.code != 1 or not outcome.err.startswith(prog), outcome  # no run is made, and the machine is whole
    if outcome.code == 2:
        line = outcome.err.removesuffix("\n")
        assert line.startswith(prog), outcome
        assert line.count("\n") == 0, outcome
        assert len(line) > len(prog) + 2, outcome
        assert not any((unicodedata.category(sign) == "Cc" and sign != "\t") or sign in _TURNING for sign in line), (
            outcome
        )
        assert contents(folder) == before, outcome
    return outcome


def contents(folder: pathlib.Path) -> dict[str, str]:
    """Returns what lies below a folder: the hash of every file, by its path."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = os.fsencode(path.relative_to(folder)).decode(errors="backslashreplace")
        found[name] = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
    return found


@contextlib.contextmanager
def _no_hang(words: Sequence[str]) -> Iterator[None]:
    def stop(number: int, frame: object) -> None:
        raise AssertionError(f"more than {HANG:g} CPU seconds: {words}")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, HANG)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
