"""Faults that strike one process: called in it before its command begins, by name, from `tests.faults.warm`.

`SIGKILL` leaves of a process what the kernel has: all that `os._exit` leaves. Audit hooks hear what Python does to
files, threads included; what C++ code writes, TensorStore's arrays for one, they do not hear.
"""

import builtins
import os
import pathlib
import resource
import signal
import sys
import time

KILLED = 137  # as a shell says of SIGKILL
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# (event, which arguments are paths, each with the place of its dir_fd)
_EVENTS = {
    "os.rename": ((0, 2), (1, 3)),
    "os.link": ((0, 2), (1, 3)),
    "os.symlink": ((1, 2),),
    "os.remove": ((0, 1),),
    "os.mkdir": ((0, 2),),
    "os.rmdir": ((0, 1),),
    "os.truncate": ((0, None),),
    "os.chmod": ((0, 2),),
    "os.utime": ((0, 3),),
    "shutil.rmtree": ((0, None),),
    "shutil.move": ((0, None), (1, None)),
    "shutil.copyfile": ((1, None),),
}


class Operations:
    """Counts what is done to files below some folders, and ends the process before one of them.

    Args:
        under: the folders.
        log: a file that gets a line per operation: what, and where in the code.
        kill_at: the number of the one to end before, from 1; 0 for none.
        kill_like: or how it is called: the first one whose line begins so, 'os.rename result.json'.
    """

    def __init__(self, under, log, kill_at, kill_like):
        self._like = kill_like
        self._under = tuple(str(folder) for folder in under)
        self._log, self._kill_at, self._count = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), kill_at, 0
        self._busy = False
        sync = os.fsync
        os.fsync = lambda handle: (self._seen("os.fsync", f"/proc/self/fd/{handle}"), sync(handle))[1]
        sys.addaudithook(self._hear)

    def _hear(self, event, arguments):
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITES and not isinstance(path, int):
                self._seen(event, path)
        elif event in _EVENTS:
            for path, handle in _EVENTS[event]:
                place = arguments[handle] if handle is not None and handle < len(arguments) else None
                if self._seen(event, arguments[path], place):
                    break

    def _seen(self, event, path, folder=None):
        where = self._resolved(path, folder)
        if where is None or not where.startswith(self._under):
            return False
        self._count += 1
        line = f"{event} {pathlib.Path(where).name} {_caller()}"
        os.write(self._log, f"{self._count} {line}\n".encode())
        if self._count == self._kill_at or (self._like and line.startswith(self._like)):
            os._exit(KILLED)
        return True

    @staticmethod
    def _resolved(path, folder):
        if isinstance(path, int):
            path = f"/proc/self/fd/{path}"
        try:
            path = os.fsdecode(path)
            if path.startswith("/proc/self/fd/"):
                return os.readlink(path)
            if isinstance(folder, int) and folder >= 0 and not os.path.isabs(path):
                return os.path.join(os.readlink(f"/proc/self/fd/{folder}"), path)
        except (OSError, TypeError):
            return None
        return os.path.abspath(path)


def _caller():
    """The innermost places in the code, without the standard library: what operations of one kind share."""
    found, frame = [], sys._getframe(2)
    while frame is not None and len(found) < 3:
        name = frame.f_code.co_filename
        if "site-packages" in name or f"{os.sep}sbn{os.sep}" in name:
            found.append(f"{pathlib.Path(name).name}:{frame.f_lineno}")
        frame = frame.f_back
    return ",".join(found)


def operations(under, log, kill_at=0, kill_like=""):
    """Counts operations on files below folders, and ends the process before number `kill_at`, or one like that."""
    Operations(under, log, kill_at, kill_like)


def file_size(most):
    """No file may grow beyond `most` bytes, as on a disk that is full."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


def memory(more):
    """The process may take `more` bytes of addresses beyond what it has."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def open_files(most):
    """The process may have `most` files open."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def jump(seconds):
    """The wall clock is set anew, so many seconds later or earlier."""
    real = time.time
    time.time = lambda: real() + seconds


def at_line(start, call):
    """Does something once a line that begins with `start` is printed: `call` is a name here and its arguments."""
    name, arguments = call
    said = builtins.print

    def heard(*words, **options):
        said(*words, **options)
        if words and str(words[0]).lstrip().startswith(start):
            globals()[name](**arguments)

    builtins.print = heard


def at_call(name, call):
    """Does something before a function, 'module:function', is called: `call` is a name here and its arguments."""
    module, function = name.split(":")
    fault, arguments = call
    real = getattr(sys.modules[module], function)

    def struck(*words, **options):
        globals()[fault](**arguments)
        return real(*words, **options)

    setattr(sys.modules[module], function, struck)


def vanish(folder):
    """A folder is moved away."""
    moved = pathlib.Path(folder)
    if not moved.with_name(moved.name + ".gone").exists():
        moved.rename(moved.with_name(moved.name + ".gone"))


def wait(path):
    """The process stands still until a file is there."""
    pathlib.Path(path + ".reached").touch()
    deadline = time.monotonic() + 120
    while not os.path.exists(path) and time.monotonic() < deadline:
        time.sleep(0.01)


def kill():
    """The process ends as SIGKILL ends it."""
    os._exit(KILLED)


def no_standard(names):
    """Some of stdin, stdout and stderr are closed, as some launchers leave them."""
    for name in names:
        os.close({"stdin": 0, "stdout": 1, "stderr": 2}[name])


def broken_pipe():
    """Nobody reads what is printed, as after `| head`."""
    reader, writer = os.pipe()
    os.close(reader)
    os.dup2(writer, 1)
