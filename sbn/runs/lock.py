"""One training process per work directory: lock.json names it, and a second process is refused.

What holds where:

* One machine: two starts at the same moment can't both get the lock (the folder is locked by the kernel meanwhile). A
  process that is gone, or whose number another one has got since, has lost it: the next start takes it over at once.
* Several machines on one disk: nobody can ask for a process elsewhere, so its holder writes a sign of life every
  `BEAT` seconds, and who comes second watches for `SILENCE` seconds. Clocks are not compared. On network disks whose
  locks do not work, both might get it if they start within a few milliseconds; each reads the file again afterwards.
* A bucket (`gs://`): objects are written whole, but can't be made exclusively through this interface. Who writes reads
  the file again a second later, and the last one to write has it: two starts whose writes lie further apart than that
  never both get it; two that are interrupted in between might.
* A run on several hosts has one lock, which its first process holds.

Readers (`python -m sbn.evaluate`, `sbn.export`, `sbn.report`) need no lock.
"""

import contextlib
import json
import os
import pathlib
import secrets
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sbn.config.errors import ConfigError
from sbn.runs import processes
from sbn.runs.atomic import replace_bytes
from sbn.runs.content import Damaged, Path, parse, read_bytes

LOCK: Final = "lock.json"
BEAT, SILENCE = 10.0, 35.0  # seconds


class Lost(RuntimeError):
    """Another process has taken the lock: this one was silent for too long, and must write no more."""

    exit_code = 1


class Lock:
    """The lock of a work directory, held by this process."""

    def __init__(self, workdir: Path) -> None:
        self._workdir, self._path = workdir, workdir / LOCK
        pid = os.getpid()
        self._own = {
            "format": 1,
            "host": socket.gethostname(),
            "pid": pid,
            "began": processes.began(pid),
            "since": time.strftime("%Y-%m-%d %H:%M:%S %z"),
            "token": secrets.token_hex(8),
        }
        self._beats = 0
        self._over = threading.Event()
        self._lost = ""
        self._thread = threading.Thread(target=self._keep, name="lock", daemon=True)

    def check(self) -> None:
        """Raises `Lost` if another process has the lock by now, or the folder was moved or removed.

        On a disk the file itself is looked at, which takes some microseconds.
        """
        if not self._lost and "://" not in str(self._path):
            self._look()
        if self._lost:
            raise Lost(self._lost)

    def take(self) -> None:
        """Takes the lock.

        Raises:
            ConfigError: if a process that is alive has it; one line names it.
            OSError: if the folder can't be written.
        """
        watched: bytes | None = None
        while True:
            with _guard(self._workdir):
                there = _content(self._path)
                alive = None if there is None else holds(_parsed(there))
                if there is None or alive is False or there == watched:
                    self._write()
                    break
            if alive or watched is not None:  # it moved meanwhile
                raise ConfigError(f"{self._workdir} is being trained by {_name(there)}: wait for it to end, or stop it")
            print(f"{self._workdir}: is {_name(there)} alive? Watching for {SILENCE:.0f} seconds", flush=True)
            watched = there
            until = time.monotonic() + SILENCE
            while time.monotonic() < until and _content(self._path) == there:
                time.sleep(min(1.0, SILENCE / 10))
        if "://" in str(self._path):
            time.sleep(1.0)
        if self._other():
            raise self._held(_content(self._path))
        self._thread.start()

    def release(self) -> None:
        """Releases the lock, unless another process has it."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        with contextlib.suppress(OSError), _guard(self._workdir):
            if not self._other():
                self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        self._beats += 1
        replace_bytes(self._path, (json.dumps({**self._own, "beats": self._beats}, indent=1) + "\n").encode())

    def _held(self, content: bytes | None) -> ConfigError:
        return ConfigError(f"{self._workdir} is being trained by {_name(content)}: let it end, or stop it")

    def _other(self) -> bool:
        return _parsed(_content(self._path)).get("token") != self._own["token"]

    def _look(self) -> None:
        there = _content(self._path)
        if there is None:
            self._lost = f"{self._path} is gone: the folder was moved or removed, or another process ran in it: stopped"
        elif there and self._other():
            self._lost = f"{self._workdir}: {_name(there)} has taken the lock over: stopped"

    def _keep(self) -> None:
        while not self._over.wait(BEAT):
            with contextlib.suppress(OSError), _guard(self._workdir):
                self._look()
                if self._lost:
                    return
                self._write()


@contextlib.contextmanager
def locked(workdir: Path) -> Iterator[Lock]:
    """Holds the lock of a work directory, which is made if missing; one that stays empty is removed again.

    Raises:
        ConfigError: if a process that is alive has it.
    """
    made = [folder for folder in (workdir, *workdir.parents) if not folder.exists()]
    workdir.mkdir(parents=True, exist_ok=True)
    lock = Lock(workdir)
    try:
        lock.take()
        try:
            yield lock
        finally:
            lock.release()
    finally:
        if "://" not in str(workdir):
            for folder in made:
                with contextlib.suppress(OSError):  # not empty: the run has begun
                    os.rmdir(folder)


def clear(workdir: Path) -> None:
    """Removes the lock of a process that is gone: one that was killed once its run was done, but for this."""
    with contextlib.suppress(OSError), _guard(workdir):
        if is_held(workdir) is False:
            (workdir / LOCK).unlink(missing_ok=True)


def holds(content: Mapping[str, Any]) -> bool | None:
    """Returns whether the process named in a lock is running; None if this machine can't know."""
    host, pid, start = content.get("host"), content.get("pid"), content.get("began")
    if not isinstance(host, str) or not isinstance(pid, int) or not isinstance(start, str | None):
        return None
    return processes.is_alive(host, pid, start)


def is_held(workdir: Path) -> bool | None:
    """Returns whether a process on this machine trains in a work directory; None if this machine can't know."""
    there = _content(workdir / LOCK)
    return None if there is None else holds(_parsed(there))


def _content(path: Path) -> bytes | None:
    """What the lock's file holds; None where there is none. One that can't be read counts as empty."""
    try:
        return read_bytes(path)
    except Damaged:
        return b""


def _parsed(content: bytes | None) -> Mapping[str, Any]:
    try:
        found = parse(content or b"")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _name(content: bytes | None) -> str:
    named = _parsed(content)
    if "pid" not in named:
        return "a process that lock.json does not name"
    return f"process {named['pid']} on {named.get('host')} since {named.get('since')}"


@contextlib.contextmanager
def _guard(workdir: Path) -> Iterator[None]:
    """Keeps other processes of this machine, or of a network disk that can, from changing the lock meanwhile."""
    handle = None
    try:
        import fcntl

        if "://" not in str(workdir):
            handle = os.open(pathlib.Path(workdir), os.O_RDONLY)
            fcntl.flock(handle, fcntl.LOCK_EX)
    except (ImportError, OSError):  # Windows; disks without locks
        pass
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)
