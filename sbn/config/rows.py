"""Rows of a paper's tables: read from an experiments file, and resolved to configs. What they are is in `tables`."""

import pathlib
import shlex
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from sbn.config import tree
from sbn.config.checks import check
from sbn.config.claims import check_claims
from sbn.config.errors import ConfigError
from sbn.config.experiment_files import execute
from sbn.config.experiment_files import experiment_file as experiment_file
from sbn.config.experiment_files import experiment_files as experiment_files
from sbn.config.readings import Choice as Choice
from sbn.config.table_checks import check_tables
from sbn.config.tables import STATISTICS as STATISTICS
from sbn.config.tables import Experiment as Experiment
from sbn.config.tables import Paper as Paper
from sbn.config.tables import Row as Row
from sbn.config.tables import Table as Table
from sbn.config.tables import run_folder as run_folder


def load_experiment(path: str | pathlib.Path) -> Experiment:
    """Loads an experiments file: Python with `BASE` (changes of every row) and `TABLES`; it may have `PAPER`, `CLAIMS`.

    Raises:
        ConfigError: if there is no such file, it fails, or it is not an experiments file.
    """
    path = pathlib.Path(path)
    module = execute(path)
    if not hasattr(module, "TABLES") or not hasattr(module, "BASE"):
        raise ConfigError(f"{path} is not an experiments file: it defines no BASE and TABLES")
    paper, claims = getattr(module, "PAPER", ""), getattr(module, "CLAIMS", ())
    experiment = Experiment(path.stem, path, module.BASE, module.TABLES, paper, claims)
    check_tables(experiment)
    check_claims(experiment)
    return experiment


def make_config(base: Mapping[str, Any], tables: Mapping[str, Table], arg: str) -> ConfigDict:
    """Returns the config that `arg` asks for: 'table3/weak_augment,seed=3', 'table1/gaussian@fixed_0.2,seed=3'.

    This is all that the `get_config` of an experiments file does.

    Raises:
        ConfigError: for an unknown row or a bad override, naming the nearest.
    """
    row, overrides = split_argument(arg)
    return check(tree.to_config(flat_config(Experiment("", pathlib.Path(), base, tables), row, overrides)))


def flat_config(experiment: Experiment, row: str, overrides: Mapping[str, Any]) -> tree.Flat:
    """Returns defaults, base, the row's changes, those of its reading, and `overrides`, one upon the other."""
    content = experiment.row(row)
    if content.waits_for:
        raise ConfigError(f"{row} can't be run yet: it waits for {content.waits_for}")
    if content.runs_of:
        flags = [f"--config={experiment.argument}:{content.runs_of}"]
        flags += [f"--config.{name}={_typed(value)}" for name, value in content.during.items()]
        then = f", then evaluate it with --evals={','.join(content.evals)}" if content.evals else ""
        raise ConfigError(
            f"{row} trains nothing of its own, it shows runs of {content.runs_of}: train {' '.join(flags)}{then}"
        )
    try:
        flat = tree.changed(tree.defaults(), experiment.base)
        flat = tree.changed(flat, content.changes)
    except ConfigError as error:
        raise ConfigError(f"{experiment.path}, {row}: {error}" if experiment.name else str(error)) from None
    return tree.changed(flat, overrides)


def _typed(value: Any) -> str:
    """A value as it is typed on a command line."""
    return shlex.quote(",".join(map(str, value)) if isinstance(value, tuple) else str(value))


def split_argument(arg: str) -> tuple[str, dict[str, Any]]:
    """Splits 'table/row@reading,key=value,key=value'; commas inside brackets or quotes belong to the value."""
    first, *rest = tree.split_commas(arg)
    if "=" in first:
        first, rest = "base", [first, *rest]
    overrides = {}
    for item in rest:
        name, equals, text = item.partition("=")
        if not equals:
            raise ConfigError(f"{item!r} in the config argument is not an override: write key=value")
        if name.strip() in overrides:
            raise ConfigError(f"{name.strip()} is given twice in the config argument")
        overrides[name.strip()] = tree.literal(name.strip(), text.strip())
    return first.strip() or "base", overrides
