"""The command line of an experiment: --config=FILE:TABLE/ROW,seed=3 --config.key=value --workdir=DIR."""

import argparse
import dataclasses
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from sbn.config import identity, rows, tree
from sbn.config.checks import check
from sbn.config.errors import ConfigError, unknown


@dataclasses.dataclass(frozen=True)
class Request:
    """What a command line asks for.

    Attributes:
        config: the resolved config.
        experiment: name of the experiments file.
        row: full name of the row, with the reading that it is in, if that is not the one it takes.
        overrides: what was changed on top of the row, by dotted name, without the seed and the runs the row needs.
    """

    config: ConfigDict
    experiment: str
    row: str
    overrides: Mapping[str, Any]


def split(argv: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Splits `--config.key=value` (or `--config.key value`, or `--noconfig.key`) from all other arguments.

    Raises:
        ConfigError: for a key without a value, and for one that is given twice.
    """
    others: list[str] = []
    dotted: dict[str, str] = {}
    arguments = iter(argv)
    for argument in arguments:
        if argument.startswith("--noconfig."):
            name, text = argument.removeprefix("--noconfig."), "False"
        elif argument.startswith("--config."):
            name, equals, text = argument.removeprefix("--config.").partition("=")
            if not equals and tree.key_of(name).kind == "bool":
                text = "True"
            elif not equals:
                text = next(arguments, "--")
                if text.startswith("--"):
                    raise ConfigError(f"--config.{name} is given no value: write --config.{name}=VALUE")
        else:
            others.append(argument)
            continue
        if name in dotted:
            raise ConfigError(f"--config.{name} is given twice")
        dotted[name] = text
    if sum(argument == "--config" or argument.startswith("--config=") for argument in others) > 1:
        raise ConfigError("--config is given twice: one row makes one run")
    return others, dotted


def request(argument: str, dotted: Mapping[str, str]) -> Request:
    """Resolves FILE:TABLE/ROW[@READING],key=value and the dotted overrides.

    Raises:
        ConfigError: one line, with what is wrong and the nearest choice.
    """
    path, _, arg = argument.partition(":")
    if not arg or "=" in arg.split(",")[0]:
        raise ConfigError(f"--config={argument} names no row: write {path}:TABLE/ROW ({path}:base for its base config)")
    experiment = rows.load_experiment(rows.experiment_file(path))
    row, overrides = rows.split_argument(arg)
    if twice := overrides.keys() & dotted.keys():
        raise ConfigError(f"{min(twice)} is given twice: in --config={argument} and as --config.{min(twice)}")
    overrides |= {name: tree.literal(name, text) for name, text in dotted.items()}
    row, flat, stated, made = identity.asked(experiment, row, overrides)
    needed = experiment.needed(row, root="runs", seed=flat["seed"])
    for key, folder in needed.items():
        if flat[key] is None:
            other = experiment.row(row).needs[key]
            raise ConfigError(f"{row} needs a run of {other}: name its work directory, --config.{key}={folder}")
    made = {name: value for name, value in made.items() if name not in ("seed", *needed)}
    config = check(tree.to_config(flat))
    check_overrides(made, stated, config)
    return Request(config, experiment.name, row, made)


def check_overrides(overrides: Iterable[str], stated: tree.Flat, config: ConfigDict) -> None:
    """Refuses overrides without effect: of a view that no stage trains on, or of what every stage has of its own.

    Args:
        overrides: their dotted names.
        stated: what the row says, flat.
        config: with the overrides.

    Raises:
        ConfigError: for the first such name.
    """
    flat = tree.flatten(config)
    for name in overrides:
        own = [f"stage.{stage}.{name}" for stage in config.stages]
        if all(stages_own in flat for stages_own in own):
            raise ConfigError(f"{name} has no effect: each stage has its own value; give {' or '.join(own)}")
    if not any("views" in name.split(".") for name in overrides):
        return
    known = {name.split(".")[1] for name in stated if name.startswith("views.")}
    known |= {view for stage in config.stages for view in tree.stage_config(config, stage).branches}
    for name in overrides:
        parts = name.split(".")
        if "views" in parts and (view := parts[parts.index("views") + 1]) not in known:
            raise unknown("view", view, known)


def parse(parser: argparse.ArgumentParser, argv: Sequence[str]) -> tuple[argparse.Namespace, Request]:
    """Parses `argv` with `parser`, which gains --config.

    Raises:
        ConfigError: one line, with what is wrong and the nearest choice.
    """
    parser.add_argument(
        "--config",
        required=True,
        metavar="FILE:TABLE/ROW[@READING][,key=value...]",
        help="row to run; --config.KEY=VALUE overrides further keys",
    )
    others, dotted = split(argv)
    options = parser.parse_args(others)
    return options, request(options.config, dotted)


def words(experiment: str, row: str, changes: Mapping[str, Any], *, workdir: str) -> list[str]:
    """Returns the arguments of `python` that run `row` with `changes`."""
    return ["-m", "sbn.train", f"--config={experiment}:{row}", *flags(changes), f"--workdir={workdir}"]


def command(experiment: str, row: str, changes: Mapping[str, Any], *, workdir: str = "DIR") -> str:
    """Returns the command line, ready to paste, that runs `row` with `changes`."""
    return " ".join(map(shlex.quote, ["python", *words(experiment, row, changes, workdir=workdir)]))


def evaluate_command(evals: Sequence[str], changes: Mapping[str, Any], *, workdir: str = "DIR", stage: str = "") -> str:
    """Returns the command line, ready to paste, that evaluates a run, or the end of a stage, with other `eval` keys."""
    arguments = ["python", "-m", "sbn.evaluate", f"--evals={','.join(evals)}", *flags(changes)]
    arguments += [f"--stage={stage}"] if stage else []
    return " ".join(map(shlex.quote, [*arguments, f"--workdir={workdir}"]))


def flags(changes: Mapping[str, Any]) -> list[str]:
    """Returns --config.KEY=VALUE for every change."""
    return [f"--config.{name}={_text(name, value)}" for name, value in changes.items()]


def _text(name: str, value: Any) -> str:
    """What `tree.literal` reads as `value` for the key called `name`."""
    if tree.key_of(name).kind == "literal":
        return value if isinstance(value, str) and tree.literal(name, value) == value else repr(value)
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
