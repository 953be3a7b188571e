"""The pages of the documentation that are made from the code, as Markdown and pictures by their place in docs/."""

import contextlib
import importlib
import io

import pipelines

from sbn.__main__ import COMMANDS
from sbn.config import beside, command_line
from sbn.config.key import Key
from sbn.config.rows import Experiment, Row, experiment_file, load_experiment
from sbn.config.schema import KEYS
from sbn.config.tables import Table
from sbn.list import paper_numbers

PAPERS = ("split_bn", "refine", "consistent")


def all_pages() -> dict[str, str | bytes]:
    """Returns every generated page and picture."""
    beside.make_importable()
    beside.set_called()
    rows = {f"rows/{name}.md": rows_page(load_experiment(experiment_file(name))) for name in PAPERS}
    return {"reference/keys.md": keys_page(), "reference/commands.md": commands_page(), **rows, **pipelines.pages()}


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


def rows_page(experiment: Experiment) -> str:
    """Every row of a paper: what it changes, the paper's number, the command, and what the paper leaves open."""
    lines = [
        f"# {experiment.paper}",
        "",
        "One command runs a row; the report prints its result beside the paper's.",
        "",
    ]
    for name, table in experiment.tables.items():
        lines += [f"## {name}: {escaped(table.title)}", "", *_table(experiment, name, table), ""]
        lines += _open(experiment, name, table)
    return "\n".join(lines)


def _table(experiment: Experiment, name: str, table: Table) -> list[str]:
    lines = ["| row | paper | where | command |", "| --- | --- | --- | --- |"]
    for row_name, row in table.rows.items():
        cells = [
            f"`{row_name}`",
            paper_numbers(row),
            escaped(row.where),
            _command(experiment, f"{name}/{row_name}", row),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _command(experiment: Experiment, name: str, row: Row) -> str:
    if row.waits_for:
        return f"can't be run yet: waits for {escaped(row.waits_for)}"
    if row.runs_of:
        evaluated = f", evaluated by {', '.join(f'`{each}`' for each in row.evals)}" if row.evals else ""
        return f"the runs of `{row.runs_of}`{evaluated}"
    needed = experiment.needed(name, root="runs", seed=0)
    return f"`{beside.shown(command_line.command(experiment.name, name, needed))}`"


def _open(experiment: Experiment, name: str, table: Table) -> list[str]:
    """What the paper leaves open in a table, once for all of its rows."""
    choices = {choice.name: choice for row in table.rows for choice in experiment.choices(f"{name}/{row}")}
    if not choices:
        return []
    lines = [
        "**What the paper leaves open**",
        "",
        "| choice | the paper says | taken | why | others |",
        "| --- | --- | --- | --- | --- |",
    ]
    for choice in choices.values():
        others = ", ".join(f"`@{reading}`" for reading in choice.others) or "–"
        cells = [choice.name, escaped(choice.says), f"`{choice.takes}`", escaped(choice.why), others]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def escaped(text: str) -> str:
    """Text as it stands: no column of a table ends in it, and no tag or link begins."""
    for mark in "\\|*_<[":
        text = text.replace(mark, f"\\{mark}" if mark != "<" else "&lt;")
    return text
