"""Rows of a paper's tables: what each changes in a base config, what the paper reports for it, where it stands."""

import dataclasses
import pathlib
import re
from collections.abc import Mapping
from typing import Any

from etils import epath
from ml_collections import ConfigDict

from sbn.config import tree
from sbn.config.checks import check
from sbn.config.errors import ConfigError, unknown
from sbn.config.experiment_files import execute
from sbn.config.experiment_files import experiment_file as experiment_file
from sbn.config.experiment_files import experiment_files as experiment_files

_NAME = re.compile(r"\w[\w.-]*")

# How the values that a metric had over a stage become one number
STATISTICS = ("last", "best", "median_last_10")


@dataclasses.dataclass(frozen=True)
class Paper:
    """A number that the paper reports.

    Attributes:
        value: as printed; fractions in percent.
        metric: our metric of the same meaning, e.g. 'test/main/accuracy'.
        std: the spread the paper gives with it, as printed.
        of: full name of the row whose runs measure it; '' for the row's own.
        stage: the stage it was taken in; '' for the run.
        statistic: one of `STATISTICS`: at the end, the best, or the median over the ends of the last 10 epochs.
        scale: what our value is to be multiplied by to be printed so; None: 100 for fractions (see `metric_kinds`),
            else 1.
        higher_is_better: which values are the better ones; None: as the metric's name says (see `metric_kinds`).
    """

    value: float
    metric: str
    std: float | None = None
    of: str = ""
    stage: str = ""
    statistic: str = "last"
    scale: float | None = None
    higher_is_better: bool | None = None


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of a table or figure.

    Attributes:
        changes: dotted config keys with the values that differ from the file's base config; of a row with `runs_of`,
            the `eval` keys that its evaluators need.
        paper: the paper's numbers; empty for a row of our own.
        where: where it stands, e.g. 'Table 3, row 6'.
        runs: how many seeds the paper averaged.
        note: what the paper leaves open here, and the reading taken.
        runs_of: full name of the row whose runs this one shows: it trains nothing itself.
        evals: evaluators that its numbers and figures come from, where training does not run them.
        metrics: of ours to show besides those of `paper`, METRIC[@STAGE][:STATISTIC].
        waits_for: what is missing before it can be run at all.
        needs: {config key that takes a work directory: full name of the row whose finished run, of the same seed, goes
            there}; the command line gives it.
        stages: at whose ends `evals` measure those runs; empty for the run's end.
        during: of a row with `runs_of`, whose figure shows a course over epochs: the `eval` keys that those runs are
            to be trained with for it. They change nothing that is learned.
    """

    changes: Mapping[str, Any]
    paper: tuple[Paper, ...] = ()
    where: str = ""
    runs: int = 1
    note: str = ""
    runs_of: str = ""
    evals: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    waits_for: str = ""
    needs: Mapping[str, str] = dataclasses.field(default_factory=dict)
    stages: tuple[str, ...] = ()
    during: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def trains(self) -> bool:
        """Whether there is something to train."""
        return not (self.runs_of or self.waits_for)


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of a paper: a title, its rows by name, and the figure that `sbn.report.table_figures` draws of them."""

    title: str
    rows: Mapping[str, Row]
    figure: str = ""


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One experiments file: `base` changes every row of its `tables` starts from; `paper`: whose they are."""

    name: str
    path: pathlib.Path
    base: Mapping[str, Any]
    tables: Mapping[str, Table]
    paper: str = ""

    def rows(self) -> dict[str, Row]:
        """Returns every row by its full name, 'table/row', and 'base', which changes nothing."""
        named = {f"{name}/{row}": value for name, table in self.tables.items() for row, value in table.rows.items()}
        return {"base": Row({}), **named}

    def needed(self, row: str, *, root: epath.PathLike, seed: int) -> dict[str, epath.Path]:
        """Returns {config key: work directory} of the runs that a run of `row` with `seed` goes on from.

        Args:
            row: full name.
            root: folder of the work directories, laid out as `run_folder` says.
            seed: of the run, and of those it needs.
        """
        needs = self.rows()[row].needs
        return {key: run_folder(root, self.name, other, seed=seed) for key, other in needs.items()}


def run_folder(root: epath.PathLike, experiment: str, row: str, *, seed: int, variant: str = "") -> epath.Path:
    """Returns the work directory of a run: ROOT/EXPERIMENT/TABLE/ROW[/VARIANT]/seedSEED."""
    return epath.Path(root) / experiment / row / variant / f"seed{seed}"


def load_experiment(path: str | pathlib.Path) -> Experiment:
    """Loads an experiments file: Python with `BASE` (changes of every row), `TABLES`, and, if there is one, `PAPER`.

    Raises:
        ConfigError: if there is no such file, it fails, or it is not an experiments file.
    """
    path = pathlib.Path(path)
    module = execute(path)
    if not hasattr(module, "TABLES") or not hasattr(module, "BASE"):
        raise ConfigError(f"{path} is no experiments file: it defines no BASE and TABLES")
    experiment = Experiment(path.stem, path, module.BASE, module.TABLES, getattr(module, "PAPER", ""))
    _check_types(experiment)
    return experiment


def _check_types(experiment: Experiment) -> None:
    """Refuses an experiments file that puts something else where changes, tables, rows and names belong."""
    path = experiment.path
    wanted: list[tuple[str, Any, type]] = [("BASE", experiment.base, Mapping), ("TABLES", experiment.tables, Mapping)]
    wanted.append(("PAPER", experiment.paper, str))
    for what, value, kind in wanted:
        _check_type(path, what, value, kind)
    for name, table in experiment.tables.items():
        _check_type(path, f"TABLES[{name!r}]", table, Table)
        _check_type(path, f"the rows of table {name!r}", table.rows, Mapping)
        _check_type(path, f"the title of table {name!r}", table.title, str)
        for row, content in table.rows.items():
            _check_type(path, f"row {row!r} of table {name!r}", content, Row)
            _check_type(path, f"the changes of {name}/{row}", content.changes, Mapping)
            _check_type(path, f"the paper's numbers of {name}/{row}", content.paper, tuple)
            for number in content.paper:
                _check_type(path, f"a paper's number of {name}/{row}", number, Paper)
        for text in (name, *table.rows):
            if not isinstance(text, str) or not _NAME.fullmatch(text):
                raise ConfigError(f"{path}: {text!r} is no name of a table or row: letters, digits, '_', '-' and '.'")
    # what one module asks of another's row must be there
    for name, content in experiment.rows().items():
        for other in filter(None, (content.runs_of, *content.needs.values(), *(paper.of for paper in content.paper))):
            if other not in experiment.rows():
                raise unknown(f"row that {name} of {path} names:", other, experiment.rows())


def _check_type(path: pathlib.Path, what: str, value: Any, kind: type) -> None:
    if not isinstance(value, kind):
        words = {Mapping: "a dict", Table: "a Table", Row: "a Row", Paper: "a Paper", tuple: "a tuple", str: "a string"}
        raise ConfigError(f"{path}: {what} is {type(value).__name__}, not {words[kind]}")


def make_config(base: Mapping[str, Any], tables: Mapping[str, Table], arg: str) -> ConfigDict:
    """Returns the config that `arg` asks for: 'table3/weak_augment,seed=3', with overrides after commas.

    This is all that the `get_config` of an experiments file does.

    Raises:
        ConfigError: for an unknown row or a bad override, naming the nearest.
    """
    row, overrides = split_argument(arg)
    return check(tree.to_config(flat_config(Experiment("", pathlib.Path(), base, tables), row, overrides)))


def flat_config(experiment: Experiment, row: str, overrides: Mapping[str, Any]) -> tree.Flat:
    """Returns defaults, base, the row's changes and `overrides`, one upon the other."""
    rows = experiment.rows()
    if row not in rows:
        raise unknown("row", row, rows)
    if rows[row].waits_for:
        raise ConfigError(f"{row} can't be run yet: it waits for {rows[row].waits_for}")
    if rows[row].runs_of:
        during = ", ".join(f"{name} = {value!r}" for name, value in rows[row].during.items())
        then = f" with {during}" if during else ""
        if rows[row].evals:
            then += f", then python -m sbn.evaluate --workdir=DIR --evals={','.join(rows[row].evals)}"
        raise ConfigError(f"{row} trains nothing, it shows runs of {rows[row].runs_of}: train that{then}")
    try:
        flat = tree.changed(tree.defaults(), experiment.base)
        flat = tree.changed(flat, rows[row].changes)
    except ConfigError as error:
        raise ConfigError(f"{experiment.path}, {row}: {error}" if experiment.name else str(error)) from None
    return tree.changed(flat, overrides)


def split_argument(arg: str) -> tuple[str, dict[str, Any]]:
    """Splits 'table/row,key=value,key=value'; commas inside brackets or quotes belong to the value."""
    first, *rest = tree.split_commas(arg)
    if "=" in first:
        first, rest = "base", [first, *rest]
    overrides = {}
    for item in rest:
        name, equals, text = item.partition("=")
        if not equals:
            raise ConfigError(f"{item!r} in the config argument is no override: write key=value")
        if name.strip() in overrides:
            raise ConfigError(f"{name.strip()} is given twice in the config argument")
        overrides[name.strip()] = tree.literal(name.strip(), text.strip())
    return first.strip() or "base", overrides
