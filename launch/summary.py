"""Jobs and their states as text: what is done, what runs, what is left, and how long that takes."""

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from etils import epath

from launch.attempts import reached
from launch.plan import Job
from launch.state import KINDS, State
from sbn.config import tree
from sbn.config.durations import clock_time
from sbn.config.schema import KEYS
from sbn.runs import files
from sbn.runs.content import Damaged

DUE = ("stopped", "failed", "missing")  # what a sweep starts
_SHOWN = 20  # jobs of one kind
_SEED = re.compile(r"seed\d+")
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


def others(jobs: Sequence[Job]) -> list[str]:
    """Returns a line for every row that has runs with other overrides than these jobs, which are easily forgotten."""
    meant = {job.workdir.parent for job in jobs}
    lines = []
    for folder in dict.fromkeys(job.row_folder for job in jobs):
        there = (
            [path.name for path in folder.iterdir() if path not in meant and path.is_dir()] if folder.exists() else []
        )
        variants = sorted(name for name in there if not _SEED.fullmatch(name))
        if folder not in meant and len(variants) < len(there):
            variants.insert(0, "no overrides")
        if variants:
            shown = ", ".join(variants[:_SAMPLE]) + (
                f" and {len(variants) - _SAMPLE} more" if len(variants) > _SAMPLE else ""
            )
            lines.append(f"not counted: {folder} also has runs with {shown} (name overrides with --set)")
    return lines


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
    takes as long as finished runs that had as much to do: of its row, with its overrides if there are such, else of its
    table.
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
    progress, step = files.glance(job.workdir, files.PROGRESS), reached(job.workdir)
    if step < 0 or not progress["steps_per_second"] or progress["total"] is None:
        return None
    return max(progress["total"] - step, 0) / progress["steps_per_second"]


# What the time of a run depends on, but for the machine; rows of a table that differ in nothing else take as long
_WORK = ("model.", "data.name", "data.image_size", "data.train_examples", "batch_size", "duration", "precision")
Work = str


def _work(config: Mapping[str, Any]) -> Work:
    """How much a run has to do, as one comparable text; a key that an older run lacks has its default."""
    defaults = {key.name: key.default for key in KEYS if key.name.startswith(_WORK)}
    flat = defaults | tree.flatten(config)
    stages = {name for name in flat if name.startswith("stage.")}
    shown = {name: flat[name] for name in flat if name.startswith(_WORK)}
    shown |= {name: flat[name] for name in stages if name.split(".", 2)[-1].startswith(_WORK)}
    shown |= {name: len(flat[name]) for name in flat if name.split(".")[-1] == "branches"}
    return repr(sorted(shown.items()))


def _lengths(jobs: Sequence[Job], states: Sequence[State]) -> Callable[[Job], float | None]:
    """What tells how many seconds a job takes from its start: the mean of finished ones, by folder and work."""
    taken: defaultdict[epath.Path, list[tuple[Work, float]]] = defaultdict(list)
    for job, state in zip(jobs, states, strict=True):
        if state.seconds is not None:
            for folder in _folders(job):
                taken[folder].append((_work(job.config), state.seconds))

    def known(job: Job) -> float | None:
        *own, table = _folders(job)
        for folder in own:
            if folder not in taken:  # other seeds, and runs with other overrides
                taken[folder] = _finished(folder)
        wanted = _work(job.config)
        for folder in (*own, table):
            if found := [seconds for work, seconds in taken[folder] if work == wanted]:
                return sum(found) / len(found)
        return None

    return known


def _folders(job: Job) -> tuple[epath.Path, epath.Path, epath.Path]:
    """The folders of the job's seeds, of its row and of its table, of which the first two may be one."""
    return job.workdir.parent, job.row_folder, job.row_folder.parent


def _finished(folder: epath.Path) -> list[tuple[Work, float]]:
    """What some runs below a folder had to do, and the seconds that they took."""
    paths = itertools.chain(folder.glob("seed*/result.json"), folder.glob("*/seed*/result.json"))
    found = []
    for path in itertools.islice(paths, _SAMPLE):
        try:
            result = files.read(path.parent, files.RESULT)
        except Damaged:
            continue
        if result is not None:
            found.append((_work(result["config"]), result["seconds"]))
    return found
