"""A process of another interpreter that is asked for measurements, so that rounds can alternate with what it runs.

Here `find` and `Worker`; there, in a module run with `-m`, `load` and `serve`. Of the two sides only one works at a
time. The other interpreter needs what its module imports, but none of this project's requirements beside NumPy.
"""

import contextlib
import importlib.util
import json
import os
import pathlib
import subprocess
import sys

PYTHON = "SBN_TORCH_PYTHON"
ROOT = pathlib.Path(__file__).parents[1]
_MISSING = "import importlib.util as u, sys; print(*(m for m in sys.argv[1:] if u.find_spec(m) is None))"


def find(python, *modules):
    """Returns the interpreter to use, or nothing if none was named and this one has not the modules.

    Args:
        python: a path; '' for what the environment variable `SBN_TORCH_PYTHON` says, or else this interpreter.
        modules: that it must have.

    Raises:
        SystemExit: if the one that was named is not there, or lacks a module.
    """
    named = python or os.environ.get(PYTHON, "")
    words = [named or sys.executable, "-c", _MISSING, *modules]
    try:
        missing = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"{named!r} is no Python that runs: {error}") from None
    if missing and named:
        raise SystemExit(f"{named} lacks {', '.join(missing)}")
    return None if missing else words[0]


def how_to(*modules):
    """What to do where `find` returns nothing."""
    return f"needs {' and '.join(modules)} (pip), here or in the interpreter that --python=PATH or {PYTHON} names"


class Worker:
    """The other process. `facts` is what it said when it was ready."""

    def __init__(self, python, module, **settings):
        words = [python, "-m", module, json.dumps(settings)]
        self.name = module
        self.process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.facts = self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            self.__exit__()
            raise RuntimeError(f"{self.name} ended with exit code {self.process.returncode}: see above what it said")
        return json.loads(line)

    def measure(self, name):
        """Returns a measure: what the other side's measure of that name returns."""

        def measure():
            with contextlib.suppress(BrokenPipeError):  # that it ended is found next
                print(name, file=self.process.stdin, flush=True)
            return self._answer()

        return measure

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate()  # closes its input, by which it ends


def load(package, path):
    """There: a file of an installed package as a module, without the package, which would load all that it has."""
    file = pathlib.Path(importlib.util.find_spec(package).origin).parent / path
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def serve(build):
    """There: answers until it is asked no more.

    Args:
        build: takes the settings that `Worker` was given; returns its facts and its measures by name. What it and they
            print goes to stderr, as stdout is the other side's.
    """
    answers, sys.stdout = sys.stdout, sys.stderr
    facts, measures = build(**json.loads(sys.argv[1]))
    print(json.dumps(facts), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(measures[line.strip()]()), file=answers, flush=True)
