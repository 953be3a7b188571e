"""Reads the runs below a folder: every result.json, later evaluations, and problems found."""

import dataclasses
import functools
import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sbn.config.errors import ConfigError
from sbn.config.retired import renewed
from sbn.config.schema import NEUTRAL
from sbn.report.failures import reason_of
from sbn.runs import files
from sbn.runs.content import Damaged
from sbn.runs.metrics import METRICS, Line, courses, read_lines

_BEGUN: Final = {files.PROGRESS, files.PROVENANCE, files.JOB}  # any of which a run without a result has
_NO_RUNS_BELOW: Final = {"checkpoints", "artifacts"}  # thousands of files of one run; not worth walking


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        path: its work directory.
        experiment: name of the experiments file.
        row: full name, 'table/row', or 'table/row@reading' of a run in another reading than the row takes: as the run
            recorded it, or, once it is held against its experiments file, as its config says.
        seed: what tells it from the other runs of the row.
        overrides: what was changed on top of the row, by dotted name, without the seed, and without keys that only say
            when something is written or where things lie.
        metrics: by name; accuracies and errors are fractions. NaN where the run wrote NaN or null. Those that
            `python -m sbn.evaluate` measured of its last step are among them.
        seconds: how long it took.
        steps: how long it trained.
        written: when it finished, in seconds since 1970.
        config: the resolved config that it stored, nested.
        evaluated: of metrics measured later, the `eval` keys that were changed for that, '' for none.
        stages: (steps before, steps after) each stage, by name; empty of runs that did not record them.
        steps_per_epoch: as recorded.
        later: what `python -m sbn.evaluate` measured at the ends of stages, as lines of metrics.jsonl.
        init: of a run that began from another one, what it recorded about that; empty of others.
        log: what its result says of metrics.jsonl; None of older runs.
        data: fingerprints of the splits that it was trained and measured on; empty of runs that recorded none.
        repeated: lines about other runs of the same row, overrides and seed that do not count, and why this one does.
    """

    path: pathlib.Path
    experiment: str
    row: str
    seed: int
    overrides: Mapping[str, Any]
    metrics: Mapping[str, float]
    seconds: float
    steps: int
    written: float
    config: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    evaluated: Mapping[str, str] = dataclasses.field(default_factory=dict)
    stages: Mapping[str, tuple[int, int]] = dataclasses.field(default_factory=dict)
    steps_per_epoch: int | None = None
    later: tuple[Line, ...] = ()
    init: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    log: Mapping[str, int] | None = None
    data: Mapping[str, str] = dataclasses.field(default_factory=dict)
    repeated: tuple[str, ...] = ()

    @property
    def plain_row(self) -> str:
        """The row without the reading."""
        return self.row.partition("@")[0]

    @property
    def reading(self) -> str:
        """'one+other' of another reading than the row takes; '' of that one."""
        return self.row.partition("@")[2]

    @property
    def variant(self) -> str:
        """What runs to be averaged have in common: experiment, row, reading and overrides, as one comparable text."""
        return json.dumps([self.experiment, self.row, self.overrides], sort_keys=True)

    @functools.cached_property
    def courses(self) -> Mapping[str, Mapping[int, float]]:
        """{metric: {step: value}}, steps ascending; where it was measured again later, what training measured stands.

        Raises:
            Damaged: if metrics.jsonl is not what the run wrote.
        """
        return courses(read_lines(self.path / METRICS, proven=self.log), self.later)

    def course(self, metric: str) -> Mapping[int, float]:
        """Returns {step: value} of a metric, the one value of every step; empty where it was not measured."""
        return self.courses.get(metric, {})


@dataclasses.dataclass(frozen=True)
class Found:
    """What lies below a folder.

    Attributes:
        runs: finished, by path, those that are there twice among them (`counted`).
        problems: one line each: files that can't be read.
        unfinished: one line each: runs that were begun, or handed to an engine, and have no result.
        begun: their work directories.
    """

    runs: list[Run]
    problems: list[str]
    unfinished: list[str]
    begun: Sequence[pathlib.Path] = ()


def find_runs(root: str | os.PathLike[str]) -> Found:
    """Returns all that is below `root`, at any depth, links too. Never fails over a file; bad ones are in `problems`.

    Raises:
        ConfigError: if there is no such folder.
    """
    root = pathlib.Path(root)
    if not root.is_dir():
        raise ConfigError(f"no folder {str(root)!r} to look for runs in")
    runs: list[Run] = []
    problems: list[str] = []
    unfinished: list[str] = []
    begun: list[pathlib.Path] = []

    def unlisted(error: OSError) -> None:
        problems.append(f"{error.filename}: not searched ({error.strerror})")

    seen: set[tuple[int, int]] = set()  # folders: links may lead to one twice, or in circles
    for folder, below, names in os.walk(root, onerror=unlisted, followlinks=True):
        path = pathlib.Path(folder)
        try:
            place = path.stat().st_dev, path.stat().st_ino
        except OSError:  # gone since
            continue
        if place in seen:
            below.clear()
            continue
        seen.add(place)
        below[:] = sorted(set(below) - _NO_RUNS_BELOW)
        # a folder in the place of the file is something to be told, too
        if files.RESULT in (*names, *below):
            try:
                run, unread = with_evaluations(read_run(path))
                _ = run.courses  # whatever is wrong with them is told here
                runs.append(run)
                problems += unread
            except Damaged as error:
                problems.append(f"{error}; not counted")
        elif not _BEGUN.isdisjoint(names):
            reason = reason_of(path)
            said = f" ({reason})" if reason else ""
            unfinished.append(f"{path}: no result yet{_progress(path)}{said}")
            begun.append(path)
    return Found(sorted(runs, key=lambda run: run.path), problems, unfinished, begun)


def read_run(path: pathlib.Path) -> Run:
    """Reads the result of one work directory.

    Raises:
        Damaged: if it is missing or can't be read; says what is missing or wrong.
    """
    content = files.read(path, files.RESULT)
    if content is None:
        raise Damaged(path / files.RESULT, "gone")
    own = {name: content[name] for name in ("experiment", "row", "seed", "metrics", "seconds", "steps", "config")}
    return Run(
        path=path,
        overrides={name: value for name, value in renewed(content["overrides"]).items() if name not in NEUTRAL},
        written=(path / files.RESULT).stat().st_mtime,
        stages={name: (start, stop) for name, (start, stop) in content["stages"].items()},
        steps_per_epoch=content["steps_per_epoch"],
        init=content["init"] or {},
        log=content["log"],
        data=files.glance(path, files.DATA)["fingerprints"],
        **own,
    )


def with_evaluations(run: Run) -> tuple[Run, list[str]]:
    """Adds what `python -m sbn.evaluate` left in artifacts/EVALUATOR/STEP.json for the ends of the run and its stages.

    What it measured at the run's end joins the metrics; what training itself measured stays as it is.

    Returns:
        the run, and a line for each file that can't be read.
    """
    metrics, problems = dict(run.metrics), []
    evaluated: dict[str, str] = {}
    later: list[Line] = []
    ends = {run.steps, *(stop for _, stop in run.stages.values())}
    there = [(end, file) for end in sorted(ends) for file in sorted(run.path.glob(f"artifacts/*/{end}.json"))]
    for step, file in there:
        try:
            content = files.read_evaluation(file) or {"overrides": {}, "metrics": {}, "config": None, "step": step}
        except Damaged as error:
            problems.append(f"{error}; not read")
            continue
        other = files.other_run(run.config, content["config"])
        if other or content["step"] not in (None, step):
            problems.append(f"{file}: not read, it is of another {f'run ({other})' if other else 'step'}")
            continue
        changed = ", ".join(f"{name}={value}" for name, value in content["overrides"].items())
        found = content["metrics"]
        later.append({"step": step, **found})
        new = {name: value for name, value in found.items() if name not in run.metrics}
        metrics |= new if step == run.steps else {}
        evaluated |= {name: evaluated.get(name) or changed for name in new}
    return dataclasses.replace(run, metrics=metrics, evaluated=evaluated, later=tuple(later)), problems


def _progress(path: pathlib.Path) -> str:
    """How far the run got, if its files say so: they may be half written, or of an older version."""
    content = files.glance(path, files.PROGRESS)
    if content["step"] is None or content["total"] is None:
        return ""
    return f", step {content['step']} of {content['total']}{_of_stages(content)}"


def _of_stages(progress: Mapping[str, Any]) -> str:
    """Which stages of an unfinished run are done, and how far the others are; nothing to say of a run of one stage."""
    step, said = progress["step"], []
    for name, (start, stop) in progress["stages"].items():
        missing = "not begun" if step <= start else f"{step - start} of {stop - start} steps"
        said.append(f"{name} {'done' if step >= stop else missing}")
    return f" ({', '.join(said)})" if len(said) > 1 else ""


def counted(runs: Sequence[Run]) -> tuple[list[Run], list[str]]:
    """Keeps one run of each variant and seed: the one with the most metrics, of equal ones the newest, then by path.

    Args:
        runs: whose rows and readings are what their configs say (`sbn.report.refusals`).

    Returns:
        those kept, each with lines about the others of its kind; and these lines.
    """
    alike: dict[tuple[str, int], list[Run]] = {}
    for run in sorted(runs, key=lambda run: (len(run.metrics), run.written, run.path)):
        alike.setdefault((run.variant, run.seed), []).append(run)
    kept, told = [], []
    for *others, best in alike.values():
        why = [(other, _why(best, other)) for other in others]
        notes = [f"seed {best.seed}: {best.path} counts, not {other.path}: {reason}" for other, reason in why]
        kept.append(dataclasses.replace(best, repeated=tuple(notes)))
        told += [
            f"{other.path}: the same row, overrides and seed as {best.path}; only that is counted: {reason}"
            for other, reason in why
        ]
    return sorted(kept, key=lambda run: run.path), told


def _why(best: Run, other: Run) -> str:
    if more := len(best.metrics) - len(other.metrics):
        return f"{more} more metrics were measured of it"
    return "it is newer" if best.written > other.written else "it is as old, and comes later by its path"
