"""Submits jobs to a system that runs them, and monitors them, as well as jobs that run elsewhere."""

import time
from collections.abc import Callable, Iterable, Sequence

from etils import epath

from launch import summary
from launch.attempts import Tell
from launch.order import Order
from launch.plan import Job
from launch.queues import NoAnswer, forget
from launch.state import State, look, taken

POLL = 5.0  # seconds between two looks at the files


class Elsewhere:
    """Jobs that run elsewhere: looked at every `POLL` seconds at most until each has ended.

    Between two tries such a job seems to have stopped: it has ended if the next look says so too.

    Args:
        jobs: queued or running, when they were looked at last.
        tell: is given how many of them are done, running, ... whenever that changes, and that a system with some of
            them does not answer.
    """

    def __init__(self, jobs: Iterable[Job], *, tell: Tell) -> None:
        self._open, self._tell, self._told = list(jobs), tell, ""
        self._states: dict[epath.Path, State] = {}
        self._next = time.monotonic()

    def __bool__(self) -> bool:
        return bool(self._open)

    def add(self, jobs: Iterable[Job]) -> None:
        """Also monitors these jobs, which others started after they were planned."""
        for job in jobs:
            self._tell(f"{job.name}: started by another sweep; monitoring it")
            self._open.append(job)

    def ended(self) -> list[Job]:
        """Returns the jobs that have ended since the last look; none if it is too early for another look."""
        if not self._open or time.monotonic() < self._next:
            return []
        self._next = time.monotonic() + POLL
        forget()
        try:
            found = {job.workdir: look(job) for job in self._open}
        except NoAnswer as error:
            self._say(str(error))
            return []
        over = [job for job in self._open if self._is_over(job, found[job.workdir])]
        self._open = [job for job in self._open if not self._is_over(job, found[job.workdir])]
        self._states |= found
        self._say(f"elsewhere: {summary.counts(list(self._states.values()))}")
        return over

    def _is_over(self, job: Job, state: State) -> bool:
        before = self._states.get(job.workdir)
        doubtful = state.kind in ("stopped", "missing")
        return not state.active and not (doubtful and (before is None or before.active))

    def _say(self, line: str) -> None:
        if line != self._told:
            self._tell(line)
            self._told = line


def watch(order: Order, submit: Callable[[Sequence[Job]], None], *, elsewhere: Sequence[Job] = (), tell: Tell) -> None:
    """Submits jobs as they fall due, until none of them is queued or runs, nor any of those `elsewhere`.

    Tells how many of those submitted, and of the others, are done, running, queued, ... whenever that changes.
    """
    submitted: list[Job] = []
    others = Elsewhere(elsewhere, tell=tell)
    shown, over = "", not others
    due = order.due()
    while due or not over:
        if taken_since := [job for job in due if taken(job)]:
            others.add(taken_since)
            due = [job for job in due if job not in taken_since]
        if due:
            submit(due)
            submitted += due
        forget()
        theirs = others.ended()
        try:
            states = [look(job) for job in submitted]
        except NoAnswer as error:  # which says nothing about the jobs
            news, due, over = str(error), order.due(theirs), False
        else:
            ended = [job for job, state in zip(submitted, states, strict=True) if not state.active]
            news, over = summary.counts(states), len(ended) == len(submitted) and not others
            due = order.due([*theirs, *ended])
        if submitted and news != shown:
            tell(shown := news)
        if not due and not over:
            time.sleep(POLL)
