"""Telling how jobs get on that somebody else runs."""

import time
from collections.abc import Sequence

from launch import summary
from launch.attempts import Tell
from launch.plan import Job
from launch.queues import forget
from launch.state import look

_POLL = 5.0  # seconds between two looks at the files


def watch(jobs: Sequence[Job], tell: Tell) -> None:
    """Tells how many jobs are done, running, queued, ... whenever that changes, until none is queued or runs."""
    shown = ""
    while True:
        forget()
        states = [look(job) for job in jobs]
        counts = summary.counts(states)
        if counts != shown:
            tell(shown := counts)
        if not {"queued", "running"} & {state.kind for state in states}:
            return
        time.sleep(_POLL)
