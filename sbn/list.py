"""Lists every row with the paper's number: `python -m sbn.list [FILE[:TABLE[/ROW[@READING]]]] [--commands]`."""

from collections.abc import Sequence

from sbn.config import arguments, beside, command_line, rows
from sbn.config.errors import ConfigError, unknown
from sbn.config.readings import split
from sbn.config.schema import KEYS
from sbn.runs import commands
from sbn.runs.text import plain


@commands.command("python -m sbn.list")
def main(argv: Sequence[str]) -> None:
    """Prints the rows that `argv` selects."""
    parser = arguments.Parser(
        "python -m sbn.list",
        description="Lists the rows of the experiments, with the paper's numbers.",
        examples=("split_bn:table3", "split_bn:table3/weak_augment --commands", "--keys"),
    )
    parser.add_argument(
        "select",
        nargs="?",
        default="",
        metavar="FILE[:TABLE[/ROW[@READING]]]",
        help="what to list (default: every file in experiments/)",
    )
    parser.add_argument(
        "--commands",
        action="store_true",
        help="print two command lines per row: by its name, and as overrides of the base config",
    )
    parser.add_argument(
        "--keys",
        action="store_true",
        help="print every config key with its type, default and meaning; `--keys optim` only those of optim",
    )
    options = parser.parse_args(argv)
    if options.keys:
        print(describe_keys(options.select))
        return
    print(plain("\n".join(describe(options.select, commands=options.commands))))


def describe(select: str, *, commands: bool = False) -> list[str]:
    """Returns the lines of the listing.

    Raises:
        ConfigError: for a file, table or row that is not there.
    """
    path, _, text = select.partition(":")
    wanted, at, _ = text.partition("@")
    if at and "/" not in wanted:
        raise ConfigError(f"{select}: a row has readings, and a table has none: write FILE:TABLE/ROW@READING")
    experiments = [rows.load_experiment(p) for p in ([rows.experiment_file(path)] if path else rows.experiment_files())]
    lines: list[str | None] = []
    for experiment in experiments:
        for table_name, table in experiment.tables.items():
            chosen = {f"{table_name}/{name}": row for name, row in table.rows.items()}
            chosen = {name: row for name, row in chosen.items() if wanted in ("", table_name, name)}
            one = wanted in chosen
            if at and one:
                chosen = {text: experiment.row(text)}
            if not chosen:
                continue
            lines += ["" if lines else None, f"{experiment.argument}:{table_name}  {table.title}"]
            widths = [max(map(len, column)) for column in zip(*map(_cells, chosen, chosen.values()), strict=True)]
            for name, row in chosen.items():
                lines += _row_lines(experiment, name, row, widths=widths, commands=commands)
                lines += _choice_lines(experiment, name) if one else []
            if commands and table.figure and wanted in ("", table_name):
                draw = beside.shown(
                    f"python -m sbn.report figures {experiment.argument}:{table_name} --root=ROOT --out=FOLDER"
                )
                lines += ["  figure of all of them", f"    {draw}"]
    if wanted and not lines:
        choices = [
            name
            for e in experiments
            for table in e.tables
            for name in (table, *(f"{table}/{row}" for row in e.tables[table].rows))
        ]
        raise unknown("table or row", wanted, choices)
    return [line for line in lines if line is not None]


def _row_lines(
    experiment: rows.Experiment, name: str, row: rows.Row, *, widths: Sequence[int], commands: bool
) -> list[str]:
    cells = _cells(name, row)
    if commands:
        return [f"  {'  '.join(cells)}", *(f"    {line}" for line in _commands(experiment, name, row))]
    aligned = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    return [f"  {'  '.join([*aligned, '; '.join(_remarks(row, experiment.choices(split(name)[0])))])}".rstrip()]


def _choice_lines(experiment: rows.Experiment, name: str) -> list[str]:
    """What the paper leaves open in a row, and the readings that there are."""
    lines = []
    plain, _ = split(name)
    for choice in experiment.choices(plain):
        lines += [f"    {choice.name}: {choice.says}", f"      {choice.takes}, taken: {choice.why}"]
        for reading, changes in choice.others.items():
            lines.append(f"      @{reading}: {' '.join(command_line.flags(changes))}")
    return ["  what the paper leaves open", *lines] if lines else []


def _cells(name: str, row: rows.Row) -> tuple[str, ...]:
    return name, f"paper {paper_numbers(row)}", row.where


def paper_numbers(row: rows.Row) -> str:
    """The paper's numbers, '94.2, affinity 0'; those of one thing at the ends of stages as '78.95 → 80.85'."""
    together: dict[object, list[str]] = {}
    for number, paper in enumerate(row.paper):
        what = (paper.metric, paper.statistic, paper.of) if paper.stage else number
        named = "" if what in together else _apart(row.paper[0].metric, paper.metric)
        together.setdefault(what, []).append(
            f"{named}{paper.value:g}" + (f" ± {paper.std:g}" if paper.std is not None else "")
        )
    return ", ".join(map(" → ".join, together.values())) or "–"


def _apart(first: str, metric: str) -> str:
    """What tells a metric from the row's first one, 'top5_accuracy '; '' for the same."""
    pairs = zip(first.split("/"), metric.split("/"), strict=False)
    return next((f"{other} " for one, other in pairs if one != other), "")


def _remarks(row: rows.Row, choices: Sequence[rows.Choice] = ()) -> list[str]:
    waits = f"can't be run yet: waits for {row.waits_for}"
    ends = f" at the end of {' and '.join(row.stages)}" if row.stages else ""
    shows = f"runs of {row.runs_of}" + (f", evaluated by {', '.join(row.evals)}{ends}" if row.evals else "")
    shows += f", trained with {' '.join(command_line.flags(row.during))}" if row.during else ""
    needs = f"needs a run of {', '.join(row.needs.values())}"
    others = [reading for choice in choices for reading in choice.others]
    read = f"read as {', '.join(choice.takes for choice in choices if choice.others)}; also @{', @'.join(others)}"
    remarks = (
        (waits, row.waits_for),
        (shows, row.runs_of),
        (needs, row.needs),
        (read, others),
        (row.note, row.note),
    )
    return [text for text, there in remarks if there]


def _commands(experiment: rows.Experiment, name: str, row: rows.Row) -> list[str]:
    """From the row, and from the base config by overrides alone; of a row that trains nothing, from its runs."""
    path = experiment.argument
    if row.waits_for:
        return _remarks(row)[:1]
    if row.runs_of:
        measure = [command_line.evaluate_command(row.evals, row.changes, stage=stage) for stage in row.stages or ("",)]
        return [command_line.command(path, row.runs_of, row.during), *(measure if row.evals else [])]
    needed = experiment.needed(name, root="runs", seed=0)
    return [command_line.command(path, name, needed), command_line.command(path, "base", {**row.changes, **needed})]


def describe_keys(start: str = "") -> str:
    """Returns the lines of every declared key, or of those whose names begin with `start`, such as 'optim'.

    Raises:
        ConfigError: if there are none.
    """
    lines = []
    chosen = [key for key in KEYS if f"{key.name}.".startswith(f"{start.rstrip('.')}.") or not start]
    if not chosen:
        raise unknown("key", start, sorted({key.name for key in KEYS} | {key.name.split(".")[0] for key in KEYS}))
    for key in chosen:
        kind = key.kind + (" or None" if key.optional else "")
        choices = f" One of {', '.join(map(repr, key.choices))}." if key.choices else ""
        stage = " A stage may have its own." if key.per_stage else ""
        lines.append(f"--config.{key.name}  ({kind}, {key.default!r})\n    {key.doc}{choices}{stage}")
    return "\n".join(lines)


if __name__ == "__main__":
    commands.start(main)
