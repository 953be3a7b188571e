"""From work directories to runs: every result.json below a folder, what was evaluated since, what is wrong with any."""

import dataclasses
import functools
import json
import math
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sbn.config.errors import ConfigError
from sbn.config.retired import renewed
from sbn.config.schema import NEUTRAL
from sbn.report.failures import reason_of

FORMAT: Final = 1  # of result.json

_BEGUN: Final = {"progress.json", "provenance.json", "job.json"}  # any of which a run without a result has
_NO_RUNS_BELOW: Final = {"checkpoints", "artifacts"}  # thousands of files of one run; not worth walking


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        path: its work directory.
        experiment: name of the experiments file.
        row: full name, 'table/row'.
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
    later: tuple[Mapping[str, Any], ...] = ()
    init: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def variant(self) -> str:
        """What runs to be averaged have in common: experiment, row and overrides, as one comparable text."""
        return json.dumps([self.experiment, self.row, self.overrides], sort_keys=True)

    @functools.cached_property
    def lines(self) -> list[Mapping[str, Any]]:
        """`later`, then metrics.jsonl, read when asked for: {'step': 390, 'test/main/accuracy': 0.5, ...}."""
        file = self.path / "metrics.jsonl"
        texts = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        return [*self.later, *(line for text in texts if (line := _line(text)))]


@dataclasses.dataclass(frozen=True)
class Found:
    """What lies below a folder.

    Attributes:
        runs: finished, each seed of a variant once, by path.
        problems: one line each: files that can't be read, and runs that are there twice.
        unfinished: one line each: runs that were begun, or handed to an engine, and have no result.
        begun: their work directories.
    """

    runs: list[Run]
    problems: list[str]
    unfinished: list[str]
    begun: Sequence[pathlib.Path] = ()


def find_runs(root: str | os.PathLike[str]) -> Found:
    """Returns all that is below `root`, at any depth. Never fails over a file; each bad one is in `problems`.

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

    for folder, below, files in os.walk(root, onerror=unlisted):
        below[:] = sorted(set(below) - _NO_RUNS_BELOW)
        path = pathlib.Path(folder)
        if "result.json" in files:
            try:
                run, unread = with_evaluations(read_run(path))
                runs.append(run)
                problems += unread
            except (OSError, ValueError) as error:
                problems.append(f"{path / 'result.json'}: {error}; not counted")
        elif not _BEGUN.isdisjoint(files):
            reason = reason_of(path)
            said = f" ({reason})" if reason else ""
            unfinished.append(f"{path}: no result yet{_progress(path / 'progress.json')}{said}")
            begun.append(path)
    counted, repeated = _newest(runs)
    return Found(counted, problems + repeated, unfinished, begun)


def read_run(path: pathlib.Path) -> Run:
    """Reads the result of one work directory.

    Raises:
        OSError: if the file can't be read.
        ValueError: if it is not a result in this format; says what is missing or wrong.
    """
    file = path / "result.json"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:  # bad JSON or bad UTF-8
        raise ValueError(f"damaged ({error})") from None
    if not isinstance(content, dict):
        raise ValueError("holds no object")
    if content.get("format") != FORMAT:
        raise ValueError(f"format {content.get('format')!r} where {FORMAT} is known")
    given = {name: _field(content, name, kind) for name, kind in _KINDS.items()}
    metrics = {name: _number(name, value) for name, value in given.pop("metrics").items()}
    overrides = renewed(given["overrides"])
    given["overrides"] = {name: value for name, value in overrides.items() if name not in NEUTRAL}
    stages = {name: (start, stop) for name, (start, stop) in content.get("stages", {}).items()}
    per_epoch = content.get("steps_per_epoch")
    return Run(
        path=path,
        metrics=metrics,
        written=file.stat().st_mtime,
        stages=stages,
        steps_per_epoch=per_epoch,
        init=_began(content.get("init")),
        **given,
    )


def _began(init: Any) -> Mapping[str, Any]:
    """What a run recorded of the run that it began from; empty if that is damaged."""
    try:
        source = init and init.get("source")
        while source:
            _ = (
                {name: stop - start for name, (start, stop) in source["stages"].items()},
                dict(source["overrides"] or {}),
            )
            source = source["source"]
    except (TypeError, ValueError, KeyError, AttributeError):
        return {}
    return init or {}


def _line(text: str) -> Mapping[str, Any] | None:
    """A line of metrics.jsonl, unless a kill cut it short."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def with_evaluations(run: Run) -> tuple[Run, list[str]]:
    """Adds what `python -m sbn.evaluate` left in artifacts/EVALUATOR/STEP.json for the ends of the run and its stages.

    What it measured at the run's end joins the metrics; what training itself measured stays as it is.

    Returns:
        the run, and a line for each file that can't be read.
    """
    metrics, problems = dict(run.metrics), []
    evaluated: dict[str, str] = {}
    later: list[Mapping[str, Any]] = []
    ends = {run.steps, *(stop for _, stop in run.stages.values())}
    files = [(end, file) for end in sorted(ends) for file in sorted(run.path.glob(f"artifacts/*/{end}.json"))]
    for step, file in files:
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            changed = ", ".join(f"{name}={value}" for name, value in content["overrides"].items())
            found = {name: _number(name, value) for name, value in content["metrics"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            problems.append(f"{file}: not read ({type(error).__name__}: {error})")
            continue
        later.append({"step": step, **found})
        new = {name: value for name, value in found.items() if name not in run.metrics}
        metrics |= new if step == run.steps else {}
        evaluated |= {name: evaluated.get(name) or changed for name in new}
    return dataclasses.replace(run, metrics=metrics, evaluated=evaluated, later=tuple(later)), problems


_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "experiment": (str,), "row": (str,), "seed": (int,), "overrides": (dict,), "metrics": (dict,),
    "seconds": (int, float), "steps": (int,), "config": (dict,),
}  # fmt: skip


def _field(content: Mapping[str, Any], name: str, kinds: tuple[type, ...]) -> Any:
    if name not in content:
        raise ValueError(f"no {name!r} in it")
    value = content[name]
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise ValueError(f"{name!r} is {value!r}, not {' or '.join(kind.__name__ for kind in kinds)}")
    return value


def _number(name: str, value: Any) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"metric {name!r} is {value!r}, not a number")
    return float(value)


def _progress(file: pathlib.Path) -> str:
    """How far the run got, if the file says so: it may be half written, or of an older version."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return f", step {content['step']} of {content['total']}{_of_stages(content)}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _of_stages(progress: Mapping[str, Any]) -> str:
    """Which stages of an unfinished run are done, and how far the others are; nothing to say of a run of one stage."""
    step, said = progress["step"], []
    for name, (start, stop) in progress.get("stages", {}).items():
        missing = "not begun" if step <= start else f"{step - start} of {stop - start} steps"
        said.append(f"{name} {'done' if step >= stop else missing}")
    return f" ({', '.join(said)})" if len(said) > 1 else ""


def _newest(runs: list[Run]) -> tuple[list[Run], list[str]]:
    """Keeps the newest run of each variant and seed; a line about each other. Of equally old ones, the last path."""
    kept: dict[tuple[str, int], Run] = {}
    repeated = []
    for run in sorted(runs, key=lambda run: (run.written, run.path)):
        key = (run.variant, run.seed)
        if key in kept:
            repeated.append(
                f"{kept[key].path}: the same row, overrides and seed as the newer {run.path}; only that is counted"
            )
        kept[key] = run
    return sorted(kept.values(), key=lambda run: run.path), repeated
