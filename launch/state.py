"""The state of a job, read from the files in its work directory; there is no other record."""

import functools
import pathlib
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from etils import epath

from launch.plan import Job
from launch.queues import ACTIVE, NoAnswer
from sbn.config import identity, readings, rows, tree
from sbn.config.durations import clock_time
from sbn.config.stored import as_today, differences, other_source
from sbn.report.failures import last_lines
from sbn.runs import files, lock, processes
from sbn.runs.content import Damaged
from sbn.runs.text import plain

# In the order of a summary.
KINDS = ("done", "running", "queued", "stopped", "failed", "refused", "missing")
LOG = "log.txt"
_STALE = 600.0  # seconds without a sign of life after which a job that no engine vouches for is not running
_AHEAD = 60.0  # seconds by which clocks of machines differ; what is dated later than that is no sign of life
_LAST_LINES = 3


class State(NamedTuple):
    """The state of one job.

    Attributes:
        kind: 'done'; 'running'; 'queued' (an engine has it); 'stopped' (goes on from its checkpoint when started
            again); 'failed' (diverged, or ended with an error more often than an engine tries); 'refused' (its folder
            holds a run of another config); 'missing' (never started).
        detail: one line about it.
        seconds: what a finished job took.
        left: what a running job still takes, in seconds.
    """

    kind: str
    detail: str = ""
    seconds: float | None = None
    left: float | None = None

    @property
    def active(self) -> bool:
        """Whether somebody has the job, and will go on with it."""
        return self.kind in ("running", "queued")


def look(job: Job) -> State:
    """Returns the state of a job. Files half written or damaged count as not there, but for a damaged result.

    Raises:
        NoAnswer: if the system that has the job can't be asked now.
    """
    try:
        result = files.read(job.workdir, files.RESULT)
    except Damaged as error:
        return State("refused", f"{error}: look at it, and remove it to run the job again")
    if result is not None:
        return _look_at_result(job, result)
    record, progress = _note(job)
    # A system that still has the job starts it again, even if a process of it noted its end: its host may have died.
    if (still := _asked(record)) is not None:
        if (said := still.get(str(record.get("id")))) is not None:
            name = record["engine"]
            return _running(progress) if said == "RUNNING" else State("queued", f"{name} job {record['id']}: {said}")
    elif _alive(job, record, progress):
        return _running(progress)
    if progress["failed"] is not None:
        return State("failed", plain(progress["failed"]))
    if record["code"] not in (None, 0) and record["gave_up"]:
        return State("failed", f"exit code {record['code']}: {last_lines(job.workdir / LOG, count=_LAST_LINES)}")
    if any((job.workdir / name).exists() for name in (files.JOB, files.PROGRESS, files.CONFIG)):
        step = f"after step {progress['step']} of {progress['total']}"
        return State("stopped", step if progress["step"] is not None else "before its first step")
    return State("missing")


def taken(job: Job) -> bool:
    """Returns whether a job that was free when it was planned has been started elsewhere since."""
    if (job.workdir / files.RESULT).exists():
        return False
    record, progress = _note(job)
    try:
        still = _asked(record)
    except NoAnswer:  # whoever looks at it next will know
        return True
    return _alive(job, record, progress) if still is None else str(record.get("id")) in still


def _note(job: Job) -> tuple[dict[str, Any], dict[str, Any]]:
    """What an engine noted of who runs a job and how it ended, and how far the job is."""
    return files.glance(job.workdir, files.JOB), files.glance(job.workdir, files.PROGRESS)


def _asked(record: Mapping[str, Any]) -> Mapping[str, str] | None:
    """What the system of a job says of those it still has; None if there is none to be asked from here."""
    ask = ACTIVE.get(record["engine"])
    return ask() if ask is not None else None


def _look_at_result(job: Job, result: Mapping[str, Any]) -> State:
    if result["config"] != job.config:
        # the folder that it went on from may have been called by another path
        different = differences(result["config"], tree.flatten(job.config), passed_over=job.needs)
        shown = [f"{name}: {old!r} there, {new!r} in the row" for name, (old, new) in different.items()]
        if shown:
            told = _read_otherwise(job, result["config"]) or f"holds a run of another config ({'; '.join(shown)})"
            return State("refused", told)
    experiment = pathlib.Path(job.file).stem
    if other := other_source(result["init"], experiment=experiment, needed=_needs(job.file, job.row)):
        return State("refused", other)
    return State("done", f"{result['steps']} steps in {clock_time(result['seconds'])}", seconds=result["seconds"])


def _read_otherwise(job: Job, stored: Mapping[str, Any]) -> str:
    """What to do where the folder holds a run of another reading, which the row took once; '' if it does not."""
    experiment = _experiment(job.file)
    row = identity.recognised(experiment, readings.split(job.row)[0], as_today(stored))
    if row == job.row:
        return ""
    stated = rows.flat_config(experiment, row, job.overrides)
    if differences(stored, {**stated, "seed": job.seed}, passed_over=job.needs):
        return ""
    parts = [row.split("/")[-1] if part == job.row.split("/")[-1] else part for part in job.workdir.parts]
    return f"holds a run of {row}, which {readings.split(job.row)[0]} was read as: move it to {epath.Path(*parts)}"


def _experiment(file: str) -> rows.Experiment:
    return _loaded(pathlib.Path(file).absolute())


@functools.cache
def _loaded(file: pathlib.Path) -> rows.Experiment:
    return rows.load_experiment(file)


def _needs(file: str, row: str) -> str | None:
    """The row whose run a row begins from."""
    return _experiment(file).row(row).needs.get("init.from")


def _running(progress: Mapping[str, Any]) -> State:
    if progress["step"] is None or progress["steps_per_second"] is None:
        return State("running", "starting")
    rate, left = progress["steps_per_second"], progress["seconds_left"]
    step = f"step {progress['step']} of {progress['total']}, {rate:.3g} steps/s"
    return State("running", step + (f", left {clock_time(left)}" if left is not None else ""), left=left)


def _alive(job: Job, record: Mapping[str, Any], progress: Mapping[str, Any]) -> bool:
    """Whether somebody is at work: of a process elsewhere the last sign of life counts."""
    if lock.is_held(job.workdir):
        return True
    if record["code"] is not None:
        return False
    if (runs := processes.is_alive(record["host"], record["pid"], record["began"])) is not None:
        return runs
    signs = [record["time"], progress["time"] if progress["failed"] is None else 0.0]
    ages = [time.time() - sign for sign in signs]
    return any(-_AHEAD < age < _STALE for age in ages)
