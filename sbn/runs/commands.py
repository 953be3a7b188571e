"""What every command of this project does with errors: one line, and an exit code that says what kind it is.

0 done; 1 a run that failed, or a fault of the machine (disk full, no permission, no memory); 2 a command line, config,
data or file of a run that can't be used; 75 asked to stop by SIGTERM: start it again; 130 Ctrl-C, or a hang-up.
SBN_TRACEBACK=1 shows where an error was raised.
"""

import contextlib
import errno
import functools
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from sbn.config import beside, imported
from sbn.config.environment import quieten_tensorflow
from sbn.config.errors import ConfigError
from sbn.runs import signals
from sbn.runs.content import first_line
from sbn.runs.text import plain

FAILED, UNUSABLE, BROKEN_PIPE = 1, 2, 141
_LONGEST: Final = 2000  # characters of a line

Main = Callable[[Sequence[str]], int | None]

# Words by which libraries that have no OSError of their own tell that the machine is at its end
_FAULTS: Final = (
    "RESOURCE_EXHAUSTED",
    "Out of memory",
    "out of memory",
    "No space left on device",
    "Disk quota exceeded",
    "File too large",
    "Read-only file system",
    "Permission denied",
    "PERMISSION_DENIED",
    "Input/output error",
    "Cannot allocate memory",
    "Too many open files",
    "can't start new thread",
    "Resource temporarily unavailable",
)

# How TensorStore says what the system said, behind the files that it was about
_CODED: Final = re.compile(r"\[os_error_code='(\d{1,4})'")
_QUOTED: Final = re.compile(r'"(/[^"]*)"')

# What a path is to blame for that somebody named, not the machine: it leads nowhere, or to something else
_NAMED: Final = (
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.EEXIST,
    errno.EINVAL,
    errno.ENXIO,
)


def command(prog: str) -> Callable[[Main], Callable[..., int]]:
    """Decorates `main(argv)` of a command: what it raises becomes a line on standard error and SystemExit.

    Args:
        prog: how the command is called, as in 'python -m sbn.train'.
    """

    def decorate(main: Main) -> Callable[..., int]:
        @functools.wraps(main)
        def run(argv: Sequence[str] | None = None) -> int:
            # names of files may hold what no alphabet has: it is spelt out, as on standard error
            with contextlib.suppress(AttributeError):
                sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
            try:
                with signals.raising():
                    code = main(sys.argv[1:] if argv is None else argv)
                    sys.stdout.flush()
                return code or 0
            except (Exception, KeyboardInterrupt) as error:
                line, code = describe(error)
                if line is None:
                    raise
                if os.environ.get("SBN_TRACEBACK"):
                    traceback.print_exc()
                say(f"{beside.shown(prog)}: {line}" if line else "")
                raise SystemExit(code) from None

        return run

    return decorate


def begin() -> None:
    """The first act of a process that runs a command: signals are heard from here on, no file is printed into.

    Where a launcher closed standard input, output or error, the next file to be opened would get its number, and
    whatever a library prints.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115
    quieten_tensorflow()
    signals.listen()


def start(main: Callable[..., int]) -> None:
    """Runs a command as a process, in which no library has the last word."""
    begin()
    code: Any = 0
    try:
        code = main()
    except SystemExit as ended:
        code = ended.code
    if signals.notice().given or code in (FAILED, BROKEN_PIPE):
        # threads of compilers and readers of data, cut off in the middle, would print what no one can use
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(code if isinstance(code, int) else FAILED)
    sys.exit(code)


def describe(error: BaseException) -> tuple[str | None, int]:
    """Returns what to say of an error, and the exit code; None of an error that is a fault of this program.

    What the user's own code raises while it is used ends a run as it would any program: the line says where.
    """
    if isinstance(error, BrokenPipeError):
        _silence()
        return "", BROKEN_PIPE
    if isinstance(error, KeyboardInterrupt):
        number = signals.notice()
        return signals.STOPPED, number.exit_code if number.given else signals.INTERRUPTED
    if isinstance(code := getattr(error, "exit_code", None), int):
        return _line(error), code
    if isinstance(error, ConfigError):
        return _line(error), UNUSABLE
    fault = _machine_fault(error)
    if isinstance(error, OSError) and error.errno in _NAMED:
        return fault, UNUSABLE
    if fault is None and isinstance(error, OSError):  # of a library: about what it was to read, or that it waited
        return _line(error), FAILED if isinstance(error, TimeoutError | ConnectionError) else UNUSABLE
    return fault or imported.blamed(error), FAILED


def say(line: str) -> None:
    """Writes a line to standard error, without control characters that somebody put into it."""
    if line:
        with contextlib.suppress(OSError, ValueError):
            print(plain(line), file=sys.stderr, flush=True)


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split("\n")).strip()
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " ..."


def _machine_fault(error: BaseException) -> str | None:
    """A line about what the machine refused, wherever in a chain of errors that is told."""
    for tell in (_by_kind, _by_words):
        for each, implied in chain(error):
            if (fault := tell(each)) is None:
                continue
            if not implied:
                return fault
            # It was being handled when the error was raised, which need not be its reason: code that goes on without
            # a file that is not there may fail at anything.
            if not (isinstance(each, OSError) and each.errno in _NAMED):
                return f"{type(error).__name__}: {first_line(error)[:300]} ({fault})"
    return None


def chain(error: BaseException) -> Iterator[tuple[BaseException, bool]]:
    """Yields an error and those below it, each with whether no `raise ... from` calls it the reason."""
    seen: BaseException | None = error
    implied = False
    for _ in range(20):  # of a chain that leads back to itself, too
        if seen is not None:
            yield seen, implied
            implied = implied or seen.__cause__ is None
            seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


def _by_kind(error: BaseException) -> str | None:
    if isinstance(error, MemoryError):
        return "out of memory"
    if isinstance(error, OSError) and error.errno is not None:
        if error.errno == errno.ENOENT and not error.filename and _nowhere():
            return "the current folder was deleted: change to another one"
        name = f": {error.filename}" if error.filename else ""
        return f"{error.strerror or errno.errorcode.get(error.errno, error.errno)}{name}"
    return None


def _nowhere() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _by_words(error: BaseException) -> str | None:
    if coded := _CODED.search(str(error)):
        named = _QUOTED.search(str(error))
        return f"{os.strerror(int(coded[1]))}{f': {named[1]}' if named else ''}"
    told = [line.strip() for line in str(error).splitlines() if any(word in line for word in _FAULTS)]
    return f"{type(error).__name__}: {told[0][:300]}" if told else None


def _silence() -> None:
    """Nobody reads what is printed any more: neither does the interpreter's end complain of it."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
