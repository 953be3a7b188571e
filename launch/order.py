"""Jobs in the order of what they need: one that goes on from another's run starts once that is over."""

from collections.abc import Callable, Hashable, Iterable, Sequence

from launch.attempts import Tell
from launch.plan import Job


class Order:
    """Hands out jobs, each once, as soon as nothing that they need is still to come.

    Args:
        jobs: all to hand out, in any order.
        elsewhere: jobs that somebody else runs: those that need them wait until they are said to have ended. Runs that
            are neither here nor there are done, or never will be.
        tell: is given a line for every job that can't start, as the run that it needs did not finish.
        together: jobs of which this is the same are handed out at once, when all of them can start.
    """

    def __init__(
        self,
        jobs: Iterable[Job],
        *,
        elsewhere: Iterable[Job] = (),
        tell: Tell,
        together: Callable[[Job], Hashable] = lambda job: job.workdir,
    ) -> None:
        self._waiting = list(jobs)
        self._open = {job.workdir for job in (*self._waiting, *elsewhere)}
        self._tell, self._together = tell, together

    def due(self, ended: Iterable[Job] = ()) -> Sequence[Job]:
        """Returns the jobs that can start now, given those that ended, whether well or not."""
        self._open -= {job.workdir for job in ended}
        due: list[Job] = []
        while True:
            blocked = {self._together(job) for job in self._waiting if not self._open.isdisjoint(job.needs.values())}
            free = [job for job in self._waiting if self._together(job) not in blocked]
            self._waiting = [job for job in self._waiting if self._together(job) in blocked]
            lacking = {job.workdir for job in free if not self._may_start(job)}
            due += [job for job in free if job.workdir not in lacking]
            if not lacking:
                return due
            self._open -= lacking  # their end: those that need them have nothing to wait for

    def _may_start(self, job: Job) -> bool:
        for folder in job.needs.values():
            if not (folder / "result.json").exists():
                self._tell(f"{job.name}: not started, it needs the run in {folder}, which is not done")
                return False
        return True
