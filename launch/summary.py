"""Jobs and their states as text: what is done, what runs, what is left and how long that takes."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from launch.plan import Job
from launch.state import KINDS, State
from sbn.config.durations import clock_time

DUE = ("stopped", "failed", "missing")  # what a sweep starts
_SHOWN = 20  # jobs of one kind


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


def time_left(jobs: Sequence[Job], states: Sequence[State], *, parallel: int) -> str:
    """Returns how long the rest will take, where finished jobs of a row, or of its table, tell it."""
    taken: defaultdict[str, list[float]] = defaultdict(list)
    for job, state in zip(jobs, states, strict=True):
        if state.seconds is not None:
            for group in (job.row, job.row.split("/")[0]):
                taken[group].append(state.seconds)
    total, unknown = 0.0, 0
    for job, state in zip(jobs, states, strict=True):
        if state.kind in ("done", "refused", "failed"):
            continue
        known = taken.get(job.row) or taken.get(job.row.split("/")[0])
        if state.left is not None:
            total += state.left
        elif known:
            total += sum(known) / len(known)
        else:
            unknown += 1
    if not total:
        return "time left: unknown, nothing like it has run yet" if unknown else ""
    rest = f", and {unknown} jobs of unknown length" if unknown else ""
    return f"time left: about {clock_time(total / parallel)}, {parallel} at once{rest}"
