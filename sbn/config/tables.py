"""What an experiments file holds: tables of rows; what each row changes, and what the paper says and leaves open."""

import dataclasses
import functools
import pathlib
from collections.abc import Mapping
from typing import Any

from etils import epath

from sbn.config import readings
from sbn.config.claims import Claim
from sbn.config.errors import ConfigError, unknown
from sbn.config.experiment_files import argument
from sbn.config.readings import Choice

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
        runs: how many seeds the paper averaged; None: it does not say, or there is no paper.
        note: what else must be known about it.
        choices: what the paper leaves open here, with the readings that there are; the row has those that it takes.
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
    runs: int | None = None
    note: str = ""
    runs_of: str = ""
    evals: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    waits_for: str = ""
    needs: Mapping[str, str] = dataclasses.field(default_factory=dict)
    stages: tuple[str, ...] = ()
    during: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    choices: tuple[Choice, ...] = ()

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
    """One experiments file: `base` changes every row of its `tables` starts from; `paper`: whose they are.

    `claims` are what its rows are compared for.
    """

    name: str
    path: pathlib.Path
    base: Mapping[str, Any]
    tables: Mapping[str, Table]
    paper: str = ""
    claims: tuple[Claim, ...] = ()

    @property
    def argument(self) -> str:
        """What command lines write before the colon: FILE of FILE:TABLE/ROW."""
        return argument(self.path)

    def rows(self) -> dict[str, Row]:
        """Returns every row by its full name, 'table/row', and 'base', which changes nothing."""
        return dict(self._rows)

    @functools.cached_property
    def _rows(self) -> dict[str, Row]:
        named = {f"{name}/{row}": value for name, table in self.tables.items() for row, value in table.rows.items()}
        return {"base": Row({}), **named}

    def row(self, name: str) -> Row:
        """Returns the row that 'table/row' or 'table/row@reading' names, as it is run in that reading.

        What the reading changes is among its changes; the runs that it shows or goes on from are in the same reading,
        as far as those rows have it.

        Raises:
            ConfigError: for an unknown row or reading, with the nearest, and for readings that can't be combined.
        """
        plain, named = readings.split(name)
        if plain in self.tables:
            first, *more = self.tables[plain].rows
            names = ", ".join([first, *more][:12]) + f", and {len(more) - 11} more" * (len(more) > 11)
            raise ConfigError(
                f"{plain} is a table: name one of its rows, as in {self.argument}:{plain}/{first} (choices: {names})"
            )
        if plain not in self._rows:
            raise unknown("row", plain, self._rows)
        row = self._rows[plain]
        if not named:
            return row
        found = readings.chosen(plain, named, self.choices(plain))
        own = {choice.name: choice for choice in row.choices}
        changes = dict(row.changes)
        for choice, reading in found.items():
            changes |= own[choice].others.get(reading, {}) if choice in own else {}
        return dataclasses.replace(
            row,
            changes=changes,
            runs_of=row.runs_of and self._also(row.runs_of, found),
            needs={key: self._also(other, found) for key, other in row.needs.items()},
            paper=tuple(paper for paper in row.paper if not paper.of or not readings.reading_of(found, row.choices)),
        )

    def choices(self, plain: str) -> tuple[Choice, ...]:
        """Returns the choices of a row: its own, and those of the runs that it shows or goes on from."""
        row = self._rows[plain]
        others = [choice for other in (row.runs_of, *row.needs.values()) if other for choice in self.choices(other)]
        return tuple({choice.name: choice for choice in (*others, *row.choices)}.values())

    def canonical(self, name: str) -> str:
        """Returns the one name of a row in a reading: the readings that it takes left out, the rest in order.

        Raises:
            ConfigError: as `row` does.
        """
        plain, named = readings.split(name)
        self.row(name)
        choices = self.choices(plain)
        return readings.joined(plain, readings.reading_of(readings.chosen(plain, named, choices), choices))

    def _also(self, plain: str, found: Mapping[str, str]) -> str:
        """The name of another row in those of the readings that it has."""
        return readings.joined(plain, readings.reading_of(found, self.choices(plain)))

    def needed(self, row: str, *, root: epath.PathLike, seed: int) -> dict[str, epath.Path]:
        """Returns {config key: work directory} of the runs that a run of `row` with `seed` goes on from.

        Args:
            row: full name, in a reading or not.
            root: folder of the work directories, laid out as `run_folder` says.
            seed: of the run, and of those it needs.
        """
        needs = self.row(row).needs
        return {key: run_folder(root, self.name, other, seed=seed) for key, other in needs.items()}


def run_folder(root: epath.PathLike, experiment: str, row: str, *, seed: int, variant: str = "") -> epath.Path:
    """Returns the work directory of a run: ROOT/EXPERIMENT/TABLE/ROW[@READING][/VARIANT]/seedSEED."""
    return epath.Path(root) / experiment / row / variant / f"seed{seed}"
