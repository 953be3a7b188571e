"""Giving jobs to a system that runs them, and telling how they get on."""

import time
from collections.abc import Callable, Sequence

from launch import summary
from launch.attempts import Tell
from launch.order import Order
from launch.plan import Job
from launch.queues import NoAnswer, forget
from launch.state import look

_POLL = 5.0  # seconds between two looks at the files


def watch(order: Order, submit: Callable[[Sequence[Job]], None], *, tell: Tell) -> None:
    """Submits jobs as they fall due, until none of them is queued or runs.

    Tells how many of those submitted are done, running, queued, ... whenever that changes.
    """
    submitted: list[Job] = []
    shown, over = "", True
    due = order.due()
    while due or not over:
        if due:
            submit(due)
            submitted += due
        forget()
        try:
            states = [look(job) for job in submitted]
        except NoAnswer as error:  # which says nothing about the jobs
            news, due, over = str(error), [], False
        else:
            ended = [job for job, state in zip(submitted, states, strict=True) if not state.active]
            news, due, over = summary.counts(states), order.due(ended), len(ended) == len(submitted)
        if news != shown:
            tell(shown := news)
        if not due and not over:
            time.sleep(_POLL)
