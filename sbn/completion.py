"""`sbn completion bash|zsh|fish` prints what makes that shell complete the words of `sbn`: commands, rows, keys, flags.

The shell then asks `sbn` itself at every Tab: it puts the line into COMP_LINE and the place of the cursor into
COMP_POINT, which is how bash's `complete -C` works.
"""

import contextlib
import io
import os
import re
from collections.abc import Iterable, Sequence
from typing import Final

from sbn.config import arguments, beside
from sbn.config.errors import unknown
from sbn.config.experiment_files import experiment_file, experiment_files
from sbn.config.rows import load_experiment
from sbn.config.schema import KEYS
from sbn.runs import commands

_SCRIPTS: Final = {
    "bash": "complete -o default -o nospace -C sbn sbn",
    "zsh": "autoload -U +X bashcompinit && bashcompinit && complete -o default -o nospace -C sbn sbn",
    "fish": """\
function __sbn
    set -l line (commandline -cp)
    COMP_LINE=$line COMP_POINT=(string length -- $line) COMP_WHOLE=1 sbn
end
complete -c sbn -a '(__sbn)'""",
}
# Where each is to be put, so that it counts in every shell from then on
_FILES: Final = {"bash": "~/.bashrc", "zsh": "~/.zshrc", "fish": "~/.config/fish/completions/sbn.fish"}

# Flags of commands that load jax before they can be asked for their help, which no Tab may wait for
_SLOW: Final = {
    "evaluate": ("--workdir=", "--evals=", "--stage=", "--weights=", "--json", "--config."),
    "export": ("--workdir=", "--branch=", "--stage=", "--out=", "--weights=", "--also="),
}

# A table or row stands behind the colon: FILE:TABLE/ROW
_ROWS: Final = re.compile(r"^(--config=|--experiment=|--from=|)([\w./-]*)(?:(:)([\w./@-]*))?$")


@commands.command("python -m sbn.completion")
def main(argv: Sequence[str]) -> int:
    """Prints the script of a shell, or, asked by a shell, what the word at the cursor may become."""
    if (line := os.environ.get("COMP_LINE")) is not None:
        whole = "COMP_WHOLE" in os.environ
        with contextlib.suppress(Exception):  # a Tab must not print errors into somebody's command line
            point = int(os.environ.get("COMP_POINT", len(line)))
            print("\n".join(completions(line[:point], whole=whole)))
        return 0
    parser = arguments.Parser(
        "python -m sbn.completion",
        description="Prints a script with which a shell completes `sbn` commands.",
        examples=("bash >> ~/.bashrc", "zsh >> ~/.zshrc", "fish > ~/.config/fish/completions/sbn.fish"),
    )
    parser.add_argument("shell", help=f"{', '.join(_SCRIPTS)}; append the output to the shell's start-up file")
    shell = parser.parse_args(argv).shell
    if shell not in _SCRIPTS:
        raise unknown("shell", shell, _SCRIPTS)
    print(f"# sbn completion {shell} >> {_FILES[shell]}\n{_SCRIPTS[shell]}")
    return 0


def completions(line: str, *, whole: bool = False) -> list[str]:
    """Returns what the last word of `line` may become.

    Args:
        line: the command line up to the cursor, beginning with 'sbn'.
        whole: returns whole words; otherwise, as bash wants it, what stands behind the last '=' or ':' of the word.
    """
    *before, word = [*line.split(" ")] if " " in line else [line, ""]
    before = [each for each in before if each]
    if len(before) <= 1:
        from sbn.__main__ import COMMANDS

        found: Iterable[str] = [f"{name} " for name in COMMANDS]
    elif word.startswith("--config."):
        found = (f"--config.{key.name}=" for key in KEYS)
    elif word.startswith("-") and "=" not in word:
        found = _flags(before[1], [each for each in before[2:3] if not each.startswith("-")])
    else:
        found = _rows(word)
    found = sorted(each for each in found if each.startswith(word))
    cut = 0 if whole else max(word.rfind("="), word.rfind(":")) + 1
    return [each[cut:] for each in found]


def _flags(command: str, then: Sequence[str]) -> list[str]:
    """The flags of a command, read from its help; `then` may name what it is to do: 'compare' of 'report'."""
    import importlib

    from sbn.__main__ import COMMANDS

    if command in _SLOW:
        return list(_SLOW[command])
    beside.make_importable()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        importlib.import_module(COMMANDS[command].module).main([*then, "--help"])
    flags = set(re.findall(r"(?<![\w-])--[a-z][\w]*", printed.getvalue()))
    return [*flags, "--config=", "--config."] if command == "train" else [*flags]


def _rows(word: str) -> list[str]:
    """Experiments files, and behind a colon their tables and rows."""
    if not (parts := _ROWS.match(word)):
        return []
    flag, file, colon, _ = parts.groups()
    if not colon:
        return [f"{flag}{path.stem}:" for path in experiment_files()]
    experiment = load_experiment(experiment_file(file))
    return [f"{flag}{file}:{name}" for name in (*experiment.tables, *experiment.rows())]


if __name__ == "__main__":
    commands.start(main)
