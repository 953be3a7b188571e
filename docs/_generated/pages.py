"""The pages of the documentation that are made from the code, as Markdown and pictures by their place in docs/."""

import contextlib
import importlib
import io

import measurements
import pipelines
from rows import escaped, rows_page

from sbn.__main__ import COMMANDS
from sbn.config import beside
from sbn.config.key import Key
from sbn.config.rows import experiment_file, load_experiment
from sbn.config.schema import KEYS

PAPERS = ("split_bn", "refine", "consistent")


def all_pages() -> dict[str, str | bytes]:
    """Returns every generated page and picture."""
    beside.make_importable()
    beside.set_called()
    rows = {f"rows/{name}.md": rows_page(load_experiment(experiment_file(name))) for name in PAPERS}
    made = {"reference/keys.md": keys_page(), "reference/commands.md": commands_page()}
    return {**made, **rows, **pipelines.pages(), **measurements.pages()}


def keys_page() -> str:
    """Every config key with its type, default, choices and meaning, grouped by its first word."""
    lines = [
        "# Config keys",
        "",
        "Set a key on the command line, as `--config.KEY=VALUE`, or in a row of a table. `*` stands for the name of a",
        "view, or for any name that you choose.",
    ]
    groups: dict[str, list[Key]] = {}
    for key in KEYS:
        groups.setdefault(key.name.split(".")[0] if "." in key.name else "", []).append(key)
    for group, keys in groups.items():
        lines += ["", f"## {group or 'The run as a whole'}", ""]
        for key in keys:
            default = "" if key.free else f", default `{key.default!r}`"
            lines += [f"**`{key.name}`** ({key.kind}{' or None' if key.optional else ''}{default})"]
            said = [escaped(key.doc)]
            if key.choices:
                said.append(f"One of {', '.join(f'`{choice!r}`' for choice in key.choices)}.")
            if key.per_stage:
                said.append(f"A stage may have its own: `stage.NAME.{key.name}`.")
            if key.tasks:
                said.append(f"Only for {', '.join(f'`task={task}`' for task in key.tasks)}.")
            lines += [f":   {' '.join(said)}", ""]
    return "\n".join(lines)


def commands_page() -> str:
    """The help of every command, as it is printed."""
    lines = ["# Commands", "", "`sbn COMMAND` and `python -m MODULE` are the same.", ""]
    for name, command in COMMANDS.items():
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
            importlib.import_module(command.module).main(["--help"])
        module = command.module.removesuffix(".__main__")
        lines += [f"## sbn {name}", "", f"{command.help.capitalize()}. Module: `{module}`.", ""]
        lines += ["```text", printed.getvalue().rstrip(), "```", ""]
    return "\n".join(lines)
