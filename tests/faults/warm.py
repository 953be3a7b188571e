"""Commands as processes that need not import anything: forked from one that has, before JAX starts its devices.

A start of `python -m sbn.train` takes some six CPU seconds, most of it imports and compiling; from here it takes the
training alone, with compiled programs from a cache. `python -m tests.faults.warm` is the process that forks.
"""

import contextlib
import importlib
import json
import os
import pathlib
import subprocess
import sys
import time
import traceback
from typing import NamedTuple

ROOT = pathlib.Path(__file__).parents[2]
COMMANDS = (
    "sbn.train.__main__",
    "sbn.evaluate",
    "sbn.export",
    "sbn.report.__main__",
    "sbn.data.prepare",
    "sbn.data.corruptions.__main__",
    "sbn.augment.__main__",
    "tests.faults.ends",
)
# What a command imports as it goes
_PICTURES = ("sbn.data.sheet", "sbn.figures.make", "matplotlib.figure", "matplotlib.backends.backend_agg", "adjustText")
PARTS = {
    "sbn.train.__main__": ("sbn.train.loop",),
    "sbn.evaluate": _PICTURES,
    "sbn.report.__main__": ("sbn.report.page", *_PICTURES),
    "sbn.data.corruptions.__main__": _PICTURES,
    "sbn.augment.__main__": _PICTURES,
}


class Ended(NamedTuple):
    """How a process ended: its exit code, -n if signal n killed it, and what it printed."""

    code: int
    out: str
    err: str


class Running:
    """A process that `Warm` started."""

    def __init__(self, warm, pid, folder):
        self._warm, self.pid, self._folder = warm, pid, folder

    def output(self):
        """What it has printed so far."""
        return (self._folder / f"{self.pid}.out").read_text()

    def signal(self, number):
        """Sends it a signal."""
        os.kill(self.pid, number)

    def wait(self):
        """Waits for its end."""
        code = self._warm.ask({"wait": self.pid})
        said = [(self._folder / f"{self.pid}.{name}").read_text(errors="replace") for name in ("out", "err")]
        return Ended(code, *said)


class Warm:
    """The process that forks, to be told what to run.

    Args:
        folder: where what is printed goes, and compiled programs.
        path: further folders to import from, and the commands' current folder.
    """

    def __init__(self, folder, path):
        self._folder = pathlib.Path(folder)
        environment = {
            **os.environ,
            "JAX_PLATFORMS": "cpu",
            "JAX_COMPILATION_CACHE_DIR": str(self._folder / "compiled"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(path)]),
            "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # programs that run for a moment
        }
        environment.pop("SBN_TRACEBACK", None)
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.faults.warm", str(self._folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=path,
            env=environment,
        )

    def ask(self, request):
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the process that forks is gone"
        return json.loads(answer)

    def start(self, command, *words, faults=(), env=None):
        """Starts `python -m COMMAND WORDS`.

        Args:
            command: a module of COMMANDS, without `.__main__`.
            words: its arguments.
            faults: (name of a function in tests.faults.faults, its arguments), called in the process beforehand.
            env: more variables of its environment.
        """
        module = next(each for each in COMMANDS if each.removesuffix(".__main__") == command)
        pid = self.ask({"start": [module, *map(str, words)], "faults": list(faults), "env": env or {}})
        return Running(self, pid, self._folder)

    def run(self, command, *words, faults=(), env=None):
        """Runs `python -m COMMAND WORDS` to its end."""
        return self.start(command, *words, faults=faults, env=env).wait()

    def until(self, path):
        """Waits for a file, which a process makes that was started here."""
        deadline = time.monotonic() + 300
        while not os.path.exists(path):
            assert time.monotonic() < deadline, f"{path} has not come"
            time.sleep(0.01)

    def close(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def _serve(folder):
    importlib.import_module("tests.faults.faults")
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            _, status = os.waitpid(request["wait"], 0)
            answer = os.waitstatus_to_exitcode(status)
        else:
            module = request["start"][0]
            for name in (module, *PARTS.get(module, ())):  # the first time
                importlib.import_module(name)
            answer = os.fork()
            if answer == 0:
                answers.close()
                _become(folder, request)
        print(json.dumps(answer), file=answers, flush=True)


def _become(folder, request):
    """Runs a command, and never returns."""
    from sbn.runs import commands
    from tests.faults import faults

    code = 1
    try:
        for number, name in ((1, "out"), (2, "err")):
            handle = os.open(f"{folder}/{os.getpid()}.{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            os.dup2(handle, number)
            os.close(handle)
        handle = os.open(os.devnull, os.O_RDONLY)
        os.dup2(handle, 0)
        os.close(handle)
        os.environ.update(request["env"])
        module, *words = request["start"]
        sys.argv = [module, *words]
        for name, arguments in request["faults"]:
            getattr(faults, name)(**arguments)
        commands.start(sys.modules[module].main)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


if __name__ == "__main__":
    sys.modules["tests.faults.warm"] = sys.modules["__main__"]
    _serve(sys.argv[1])
