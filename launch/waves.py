"""Jobs that go on from other jobs' runs start once those are done: wave after wave, on whichever engine."""

from collections.abc import Sequence

from launch.attempts import Tell
from launch.engines import Engine
from launch.plan import Job


def run(engine: Engine, jobs: Sequence[Job], *, tell: Tell = print) -> None:
    """Runs jobs to their ends; one whose needed run did not finish is told and not started.

    Raises:
        KeyboardInterrupt: as the engine does; the waves after this one are not started.
    """
    waiting = list(jobs)
    while waiting:
        due = {job.workdir for job in waiting}
        wave = [job for job in waiting if due.isdisjoint(job.needs.values())]
        started = []
        for job in wave:
            lacking = [folder for folder in job.needs.values() if not (folder / "result.json").exists()]
            if lacking:
                tell(f"{job.name}: not started, it needs the run in {lacking[0]}, which is not done")
            else:
                started.append(job)
        if started:
            engine.run(started)
        waiting = [job for job in waiting if not due.isdisjoint(job.needs.values())]
