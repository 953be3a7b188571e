"""What has become of a job, read from the files in its work directory: there is no other record."""

import functools
import json
import os
import pathlib
import socket
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from etils import epath

from launch.plan import Job
from launch.queues import ACTIVE, NoAnswer
from sbn.config import rows, tree
from sbn.config.durations import clock_time
from sbn.config.stored import differences, other_source
from sbn.report.failures import last_lines

# In the order of a summary.
KINDS = ("done", "running", "queued", "stopped", "failed", "refused", "missing")
RECORD = "job.json"  # what an engine notes: who runs the job, and how it ended
LOG = "log.txt"
_STALE = 600.0  # seconds without a sign of life after which a job that no engine vouches for is not running
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
    result = job.workdir / "result.json"
    if result.exists():
        return _look_at_result(job, result)
    record, progress = read(job.workdir / RECORD), read(job.workdir / "progress.json")
    # A system that still has the job starts it again, even if a process of it noted its end: its host may have died.
    if (still := _asked(record)) is not None:
        if (said := still.get(str(record["id"]))) is not None:
            name = record["engine"]
            return _running(progress) if said == "RUNNING" else State("queued", f"{name} job {record['id']}: {said}")
    elif _alive(record, progress):
        return _running(progress)
    if "failed" in progress:
        return State("failed", str(progress["failed"]))
    if record.get("code") not in (None, 0) and record.get("gave_up"):
        return State("failed", f"exit code {record['code']}: {last_lines(job.workdir / LOG, count=_LAST_LINES)}")
    if record or progress or (job.workdir / "config.json").exists():
        step = (
            f"after step {progress['step']} of {progress['total']}" if "step" in progress else "before its first step"
        )
        return State("stopped", step)
    return State("missing")


def taken(job: Job) -> bool:
    """Returns whether somebody has a job now that was free when it was planned, which may be long ago."""
    if (job.workdir / "result.json").exists():
        return False
    record, progress = read(job.workdir / RECORD), read(job.workdir / "progress.json")
    try:
        still = _asked(record)
    except NoAnswer:  # whoever looks at it next will know
        return True
    return _alive(record, progress) if still is None else str(record["id"]) in still


def _asked(record: Mapping[str, Any]) -> Mapping[str, str] | None:
    """What the system of a job says of those it still has; None if there is none to be asked from here."""
    ask = ACTIVE.get(record.get("engine", ""))
    return ask() if ask is not None else None


def _look_at_result(job: Job, path: epath.Path) -> State:
    result = read(path)
    if not result:
        return State("refused", f"{path} is damaged: look at it, and remove it to run the job again")
    config = result.get("config")
    if config != job.config:
        if not isinstance(config, dict):
            return State("refused", f"{path} holds no config: look at it, and remove it to run the job again")
        # the folder that it went on from may have been called by another path
        different = differences(config, tree.flatten(job.config), passed_over=job.needs)
        shown = [f"{name}: {old!r} there, {new!r} in the row" for name, (old, new) in different.items()]
        if shown:
            return State("refused", f"holds a run of another config ({'; '.join(shown)})")
    experiment = pathlib.Path(job.file).stem
    if other := other_source(result.get("init"), experiment=experiment, needed=_needs(job.file, job.row)):
        return State("refused", other)
    return State("done", f"{result['steps']} steps in {clock_time(result['seconds'])}", seconds=result["seconds"])


@functools.cache
def _needs(file: str, row: str) -> str | None:
    """The row whose run a row begins from."""
    return rows.load_experiment(file).rows()[row].needs.get("init.from")


def _running(progress: Mapping[str, Any]) -> State:
    if "step" not in progress or "seconds_left" not in progress:
        return State("running", "starting")
    rate, left = progress["steps_per_second"], progress["seconds_left"]
    step = f"step {progress['step']} of {progress['total']}, {rate:.3g} steps/s, left {clock_time(left)}"
    return State("running", step, left=left)


def _alive(record: Mapping[str, Any], progress: Mapping[str, Any]) -> bool:
    """Whether somebody is at work: of a process elsewhere the last sign of life counts."""
    if "code" in record:
        return False
    if record.get("host") == socket.gethostname() and "pid" in record:
        return process_runs(record["pid"])
    last = max(record.get("time", 0.0), 0.0 if "failed" in progress else progress.get("time", 0.0))
    return time.time() - last < _STALE


def process_runs(pid: int) -> bool:
    """Returns whether a process of that number runs on this machine; one that ended but was not waited for does not."""
    if pid <= 0:  # to the system these mean groups of processes
        return False
    try:
        os.kill(pid, 0)
        stat = pathlib.Path(f"/proc/{pid}/stat")
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
    except PermissionError:
        return True


def read(path: epath.Path) -> dict[str, Any]:
    """Returns the object in a JSON file; empty where there is none."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
