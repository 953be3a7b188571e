"""`sbn COMMAND ...`: every command of the project under one name; `python -m sbn COMMAND ...` is the same."""

import contextlib
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final, NamedTuple

import sbn
from sbn.config import beside
from sbn.config.errors import unknown
from sbn.runs import commands


class Command(NamedTuple):
    """A command: the module that runs it, and one line of help."""

    module: str
    help: str


COMMANDS: Final = {
    "quickstart": Command("experiments.quickstart", "train small networks on built-in images and show the results"),
    "list": Command("sbn.list", "list the rows of the papers' tables; --keys explains every config key"),
    "train": Command("sbn.train.__main__", "train one row, or resume it"),
    "evaluate": Command("sbn.evaluate", "measure a checkpoint of a run"),
    "report": Command("sbn.report.__main__", "print results beside the papers' numbers; compare, figures, claims"),
    "export": Command("sbn.export", "write one branch of a run as a plain network"),
    "sweep": Command("launch.sweep", "run the missing runs of a table: here, on SLURM, or in a cloud"),
    "status": Command("launch.status", "show the state of a sweep"),
    "fit": Command("launch.fit", "estimate memory, time and chip-hours on a TPU or GPU"),
    "augment": Command("sbn.augment.__main__", "explain and draw augmentation pipelines"),
    "prepare": Command("sbn.data.prepare", "write a data set into one file, to be read without TensorFlow"),
    "corruptions": Command("sbn.data.corruptions.__main__", "list, make and draw corrupted test sets"),
    "notebooks": Command("launch.notebooks.__main__", "write the notebooks for Colab and Jupyter"),
    "completion": Command("sbn.completion", "print a shell script that completes commands, rows and keys"),
}

_EXAMPLES = """\
examples:
  sbn quickstart
  sbn list split_bn:table3
  sbn train --config=split_bn:table3/weak_augment --workdir=runs/weak_augment/seed0
  sbn sweep --experiment=split_bn:table3 --seeds=0:3 --root=runs
  sbn report split_bn:table3 --root=runs

`sbn COMMAND --help` explains a command. Exit codes: 0 success, 1 a run failed, 2 an invalid command line, config or
file, 75 stopped before the end (start it again to resume), 130 Ctrl-C. SBN_TRACEBACK=1 prints tracebacks of errors."""


def usage() -> str:
    """Returns the help: every command with what it does, and examples."""
    lines = [f"  {name:12} {command.help}" for name, command in COMMANDS.items()]
    return "\n".join(["usage: sbn COMMAND ...", "       sbn --version", "", *lines, "", _EXAMPLES])


@commands.command("sbn")
def main(argv: Sequence[str]) -> int:
    """Runs the command that the first word names.

    Raises:
        ConfigError: if there is no such command; it names the nearest.
    """
    # A shell asks for completions, and calls this with 'sbn', the word and the one before it, or without any. Where
    # somebody's shell left the variable behind it must not keep a command from running.
    if "COMP_LINE" in os.environ and (not argv or (len(argv) == 3 and argv[0] not in COMMANDS)):
        return int(importlib.import_module(COMMANDS["completion"].module).main([]))
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(usage())
        return 0
    if argv[0] == "--version":
        print(f"sbn {sbn.__version__}")
        return 0
    name, *rest = argv
    if name not in COMMANDS:
        raise unknown("command", name, COMMANDS)
    beside.set_called()
    beside.make_importable()
    if name == "train":
        from sbn.config.environment import use_large_pages

        use_large_pages()
    return int(importlib.import_module(COMMANDS[name].module).main(rest))


def begin() -> None:
    """The console command: like `python -m`, it imports a user's own modules from the current directory."""
    with contextlib.suppress(OSError):  # the current directory was deleted
        if "" not in sys.path and os.getcwd() not in sys.path and not sys.flags.safe_path:
            sys.path.insert(0, os.getcwd())
    commands.start(main)


if __name__ == "__main__":
    begin()
