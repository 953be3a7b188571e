"""Jobs and their states as text: what is done, what runs, what is left and how long that takes."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from etils import epath

from launch.attempts import reached
from launch.plan import Job
from launch.state import KINDS, State, read
from sbn.config.durations import clock_time

DUE = ("stopped", "failed", "missing")  # what a sweep starts
_SHOWN = 20  # jobs of one kind
_SAMPLE = 5  # finished runs of others that are looked into


def counts(states: Sequence[State]) -> str:
    """Returns '12 done, 2 running, 6 missing'."""
    counted = Counter(state.kind for state in states)
    return ", ".join(f"{counted[kind]} {kind}" for kind in KINDS if counted[kind]) or "no jobs"


def describe(jobs: Sequence[Job], states: Sequence[State]) -> list[str]:
    """Returns a line for every job that is not simply done or missing, and the counts."""
    lines = []
    for kind in KINDS:
        chosen = [(job, state) for job, state in zip(jobs, states, strict=True) if state.kind == kind]
        if kind in ("done", "missing"):
            continue
        lines += [f"{kind:8} {job.name}  {state.detail}" for job, state in chosen[:_SHOWN]]
        if len(chosen) > _SHOWN:
            lines.append(f"{kind:8} and {len(chosen) - _SHOWN} more")
    return [*lines, f"{len(jobs)} jobs: {counts(states)}"]


def by_row(jobs: Sequence[Job], states: Sequence[State]) -> list[str]:
    """Returns a line for every row, with its overrides, that names seeds: 'table3/baseline: done 0-2, missing 3-9'."""
    seeds: defaultdict[epath.Path, defaultdict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    names = {}
    for job, state in zip(jobs, states, strict=True):
        seeds[job.workdir.parent][state.kind].append(job.seed)
        names[job.workdir.parent] = job.name.rpartition("/")[0]
    return [
        f"{names[folder]}: " + ", ".join(f"{kind} {_ranges(found[kind])}" for kind in KINDS if kind in found)
        for folder, found in seeds.items()
    ]


def _ranges(numbers: Sequence[int]) -> str:
    """'0-2 5' of 0, 1, 2 and 5."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return " ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def time_left(jobs: Sequence[Job], states: Sequence[State], *, parallel: int) -> str:
    """Returns how long the rest will take, so many at once, and no shorter than its longest job.

    A job that stopped or failed goes on from its newest checkpoint, at the rate that it had. One that has not begun
    takes as long as finished runs of its row, with its overrides if there are such, else as those of its table.
    """
    known, left, unknown = _lengths(jobs, states), [], 0
    for job, state in zip(jobs, states, strict=True):
        if state.kind in ("done", "refused"):
            continue
        seconds = state.left
        if seconds is None and state.kind != "missing":
            seconds = _rest(job)
        if seconds is None:
            seconds = known(job)
        if seconds is None:
            unknown += 1
        else:
            left.append(seconds)
    if not left:
        return "time left: unknown, nothing like it has run yet" if unknown else ""
    running = sum(state.kind == "running" for state in states)
    at_once = min(max(parallel, running), len(left) + unknown)
    seconds = max(*left, sum(left) / at_once)
    rest = f", and {unknown} jobs of unknown length" if unknown else ""
    return f"time left: about {clock_time(seconds)}, {at_once} at once{rest}"


def _rest(job: Job) -> float | None:
    """Seconds that a job takes from its newest checkpoint, at its own rate; None if it has got nowhere."""
    progress, step = read(job.workdir / "progress.json"), reached(job.workdir)
    if step < 0 or not progress.get("steps_per_second"):
        return None
    return max(progress["total"] - step, 0) / progress["steps_per_second"]


def _lengths(jobs: Sequence[Job], states: Sequence[State]) -> Callable[[Job], float | None]:
    """What tells how many seconds a job takes from its start: the mean of finished ones, by folder."""
    taken: defaultdict[epath.Path, list[float]] = defaultdict(list)
    for job, state in zip(jobs, states, strict=True):
        if state.seconds is not None:
            for folder in _folders(job):
                taken[folder].append(state.seconds)

    def known(job: Job) -> float | None:
        *own, table = _folders(job)
        for folder in own:
            if folder not in taken:  # other seeds, and runs with other overrides
                taken[folder] = _finished(folder)
        found = next((taken[folder] for folder in (*own, table) if taken[folder]), None)
        return sum(found) / len(found) if found else None

    return known


def _folders(job: Job) -> tuple[epath.Path, epath.Path, epath.Path]:
    """The folders of the job's seeds, of its row and of its table, of which the first two may be one."""
    return job.workdir.parent, job.row_folder, job.row_folder.parent


def _finished(folder: epath.Path) -> list[float]:
    """Seconds that some runs below a folder took."""
    paths = itertools.chain(folder.glob("seed*/result.json"), folder.glob("*/seed*/result.json"))
    results = map(read, itertools.islice(paths, _SAMPLE))
    return [result["seconds"] for result in results if "seconds" in result]
