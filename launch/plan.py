"""Rows x seeds x overrides -> jobs. What has run is not looked at, but for the names of older folders."""

import dataclasses
import fnmatch
import functools
import hashlib
import itertools
import pathlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from etils import epath

from launch.pipelines import check_pipelines
from sbn.config import command_line, identity, rows, tree
from sbn.config.checks import check
from sbn.config.errors import ConfigError, unknown
from sbn.config.schema import is_incidental

# (experiments file, row): `eval` keys that its runs are to be trained with
During = Mapping[tuple[pathlib.Path, str], Mapping[str, Any]]

_MOST_SEEDS = 10_000
_LONGEST_NAME = 80  # of a folder named after overrides; longer ones end in a hash


@dataclasses.dataclass(frozen=True)
class Job:
    """One run.

    Attributes:
        file: the experiments file.
        row: full name, 'table/row', or 'table/row@reading'.
        seed: of the run.
        overrides: changes on top of the row, by dotted name, without the seed.
        workdir: where it goes; says all of the above, so that the same job always has the same one.
        config: the resolved config, nested, as JSON gives it back.
        needs: {config key: work directory} of the runs that it goes on from.
    """

    file: str
    row: str
    seed: int
    overrides: Mapping[str, Any]
    workdir: epath.Path
    config: Mapping[str, Any]
    needs: Mapping[str, epath.Path] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """What people call it: the work directory from the experiment on."""
        above = len(self.row_folder.parts) - len(self.row.split("/")) - 1
        return "/".join(self.workdir.parts[above:])

    @property
    def row_folder(self) -> epath.Path:
        """The folder of all runs of the row: by seed, or, where overrides have a folder, by these and seed."""
        seeds = self.workdir.parent
        return seeds if seeds.name == self.row.split("/")[-1] else seeds.parent

    @property
    def words(self) -> list[str]:
        """The command line that runs it, without the interpreter."""
        changes = {"seed": self.seed, **self.overrides, **self.needs}
        return command_line.words(self.file, self.row, changes, workdir=str(self.workdir))


def make_jobs(
    selections: Sequence[str], *, seeds: Sequence[int], sets: Sequence[str] = (), root: epath.PathLike
) -> list[Job]:
    """Returns the jobs of a sweep, row by row, each with all overrides, each of these with all seeds.

    The runs that a row needs are jobs too, and stand before it. They take its overrides but those of its stages and of
    `init`: the first stage that several refinements begin from is one. A run that a chosen row shows the course of
    measures what that takes (`Row.during`), whichever other row chose it or needs it.

    Args:
        selections: EXPERIMENT[:PATTERN[@READING]], EXPERIMENT a file or the name of one in experiments/, PATTERN a
            table, a row 'table/row', or either with wildcards; READING as in `sbn.config.readings`, or one with
            wildcards: of the rows that match, those that have it, once in each that matches.
        seeds: every row runs with each.
        sets: 'key=value,value,...': the grid of overrides is their product. A comma inside brackets or quotes belongs
            to the value.
        root: folder of the work directories, of this machine or a bucket's.

    Raises:
        ConfigError: for an unknown experiment, table, row, key or value, and for a config that can't be run.
    """
    if not seeds:
        raise ConfigError("no seeds to run")
    axes = [_axis(text) for text in sets]
    names = [axis[0][0] for axis in axes]
    if repeated := [name for name in names if names.count(name) > 1]:
        raise ConfigError(f"--set {repeated[0]} is given twice: write its values with commas, KEY=VALUE,VALUE")
    files = [_matching(selection)[0].path for selection in selections]
    for one, other in itertools.combinations(files, 2):
        if one.stem == other.stem and one.resolve() != other.resolve():
            raise ConfigError(f"{one} and {other} have one name, and their runs would share a folder: rename one")
    jobs: list[Job] = []
    during = _during(selections)
    for experiment, row in itertools.chain.from_iterable(map(select, selections)):
        for point in itertools.product(*axes):
            jobs.extend(_row_jobs(experiment, row, dict(point), seeds, epath.Path(root), during))
    return list({job.workdir: job for job in jobs}.values())


def _row_jobs(
    experiment: rows.Experiment,
    row: str,
    overrides: dict[str, Any],
    seeds: Sequence[int],
    root: epath.Path,
    during: During,
) -> Iterable[Job]:
    overrides = {**during.get((experiment.path, row), {}), **overrides}
    # What repeats the row, or says what a reading of it says, overrides nothing: it is the job of the row, or of that.
    row, flat, stated, overrides = identity.asked(experiment, row, overrides)
    variant = _variant(overrides, rows.run_folder(root, experiment.name, row, seed=0).parent)
    shared = {name: value for name, value in overrides.items() if not name.startswith(("stage.", "init."))}
    wanted = {key: other for key, other in experiment.row(row).needs.items() if flat[key] is None}
    first = {}
    for key, other in wanted.items():
        jobs = list(_row_jobs(experiment, other, shared, seeds, root, during))
        yield from jobs
        first[key] = {job.seed: job.workdir for job in jobs if job.row == other}
    # One check is enough: seeds and the names of folders make no config wrong.
    names = {key: str(folders[seeds[0]]) for key, folders in first.items()}
    checked = check(tree.to_config({**flat, **names}))
    command_line.check_overrides(overrides, stated, checked)
    check_pipelines(flat)
    config = _plain(checked.to_dict())
    for seed in seeds:
        needs = {key: folders[seed] for key, folders in first.items()}
        own = functools.reduce(_with, {"seed": seed, **{key: str(path) for key, path in needs.items()}}.items(), config)
        workdir = rows.run_folder(root, experiment.name, row, seed=seed, variant=variant)
        yield Job(experiment.argument, row, seed, overrides, workdir, own, needs)


def _with(config: Mapping[str, Any], change: tuple[str, Any]) -> Mapping[str, Any]:
    """`config` with the value of one dotted name changed; the rest is shared."""
    name, value = change
    first, _, rest = name.partition(".")
    return {**config, first: _with(config[first], (rest, value)) if rest else value}


def _plain(value: Any) -> Any:
    """`value` as JSON gives it back."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _axis(text: str) -> list[tuple[str, Any]]:
    name, equals, values = text.partition("=")
    name = name.strip()
    if not equals:
        raise ConfigError(f"--set {text}: write key=value,value,...")
    if name == "seed":
        raise ConfigError("--set seed=...: use --seeds for seeds")
    tree.key_of(name)
    axis = [(name, tree.literal(name, item.strip())) for item in tree.split_commas(values)]
    if len(axis) > 1 and is_incidental(name):
        raise ConfigError(
            f"--set {text}: runs that differ only in {name} count as one run, and would share a folder: give one value"
        )
    return axis


def select(selection: str) -> list[tuple[rows.Experiment, str]]:
    """Returns the rows to train for what EXPERIMENT[:PATTERN] names: of a row that shows runs of another, that one.

    Raises:
        ConfigError: if there is no such experiment, nothing matches, or nothing that matches can be run yet.
    """
    experiment, matching = _matching(selection)
    chosen = dict.fromkeys(content.runs_of or row for row, content in matching.items() if not content.waits_for)
    if not chosen:
        row, content = next(iter(matching.items()))
        raise ConfigError(f"{row} can't be run yet: it waits for {content.waits_for}")
    return [(experiment, row) for row in chosen]


def remarks(selections: Sequence[str]) -> list[str]:
    """Returns a line for every table with rows that no job is called after: they wait, or show runs of other rows.

    Of runs that are chosen by their own rows too there is nothing to tell.
    """
    told: dict[tuple[str, str], dict[str, None]] = {}  # names, by what stands before and after them
    found = [_matching(selection) for selection in selections]
    chosen = {(experiment.path, row) for experiment, matching in found for row in matching}
    for experiment, matching in found:
        for row, content in matching.items():
            table, _, name = row.partition("/")
            if content.waits_for:
                around = (f"{experiment.name}:{table}: ", f": left out, waiting for {content.waits_for}")
                told.setdefault(around, {})[name] = None
            elif content.runs_of and (experiment.path, content.runs_of) not in chosen:
                told.setdefault((f"{experiment.name}:{table} shows runs of ", ""), {})[content.runs_of] = None
    return [before + ", ".join(names) + after for (before, after), names in told.items()]


def _matching(selection: str) -> tuple[rows.Experiment, dict[str, rows.Row]]:
    name, _, text = selection.partition(":")
    pattern, at, reading = text.partition("@")
    experiment = rows.load_experiment(rows.experiment_file(name))
    named = {row: content for row, content in experiment.rows().items() if row != "base"}
    matching = {row: content for row, content in named.items() if not pattern or _matches(row, pattern)}
    if not matching:
        raise unknown(f"table or row of {experiment.name}", pattern, [*experiment.tables, *named])
    if at:
        matching = _in_reading(experiment, list(matching), reading)
    return experiment, matching


def _in_reading(experiment: rows.Experiment, matching: Sequence[str], wanted: str) -> dict[str, rows.Row]:
    """Those of the rows that have a reading, in it; of a pattern of readings, in each that matches."""
    names: dict[str, None] = {}
    there = {row: [own for choice in experiment.choices(row) for own in choice.readings] for row in matching}
    parts = wanted.split("+")
    for row, own in there.items():
        if len(parts) == 1:
            named = [f"{row}@{reading}" for reading in own if fnmatch.fnmatchcase(reading, wanted)]
        else:
            named = [f"{row}@{wanted}"] if set(parts) <= set(own) else []
        names |= dict.fromkeys(map(experiment.canonical, named))
    if not names:
        absent = next((part for part in parts if all(part not in own for own in there.values())), wanted)
        raise unknown("reading of the rows that match", absent, {name for own in there.values() for name in own})
    return {name: experiment.row(name) for name in names}


def _during(selections: Sequence[str]) -> During:
    """What the chosen rows that show a course of others' runs want measured in these."""
    chosen = ((experiment, row) for experiment, matching in map(_matching, selections) for row in matching.values())
    return {(experiment.path, row.runs_of): row.during for experiment, row in chosen if row.during}


def _matches(row: str, pattern: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for name in (row, row.split("/")[0]))


def _variant(overrides: Mapping[str, Any], row_folder: epath.Path) -> str:
    """The folder of these overrides in that of the row, '' for none: where data lie, say, makes no other run."""
    telling = {name: value for name, value in overrides.items() if not is_incidental(name)}
    older = folder_name(overrides) if overrides else ""
    if len(telling) < len(overrides) and (row_folder / older).exists():
        return older  # as all overrides were part of the name once
    return folder_name(telling) if telling else ""


def folder_name(overrides: Mapping[str, Any]) -> str:
    """Returns a folder's name for overrides: readable, the same for the same overrides in any order."""
    text = ",".join(f"{name}={value}" for name, value in sorted(overrides.items()))
    safe = re.sub(r"[^\w.=,+-]+", "_", text)
    if safe == text and len(safe) <= _LONGEST_NAME:
        return safe
    return f"{safe[:_LONGEST_NAME]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def parse_seeds(text: str) -> list[int]:
    """Returns the seeds of '3', '0:10' (0 to 9) or '0,2,5:8'.

    Raises:
        ConfigError: if it says something else.
    """
    seeds: list[int] = []
    for part in text.split(","):
        first, colon, last = part.strip().partition(":")
        if not (text.isascii() and first.isdecimal() and (last.isdecimal() or not colon)):
            raise ConfigError(f"--seeds={text} is not a list of seeds: write 0:10 for 0 to 9, or 0,2,5")
        if max(len(first), len(last)) > 10 or max(int(first), int(last or 0)) > 2**31:
            raise ConfigError(f"--seeds={text[:40]}: seeds must be below 2**31")
        found = range(int(first), int(last)) if colon else [int(first)]
        if len(seeds) + len(found) > _MOST_SEEDS:
            raise ConfigError(f"--seeds={text} are more than {_MOST_SEEDS} runs of each row")
        seeds.extend(found)
    if not seeds:
        raise ConfigError(f"--seeds={text} contains no seed: 0:10 means 0 to 9")
    return list(dict.fromkeys(seeds))
