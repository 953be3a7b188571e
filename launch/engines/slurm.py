"""Jobs of a SLURM cluster, through submitit: one array a sweep, some hosts a job."""

import os
import signal
from collections.abc import Sequence

import submitit
from etils import epath

from launch.attempts import PREEMPTED, Attempts, Tell, note
from launch.engines import Settings, command_lines
from launch.engines.sbatch import check_options
from launch.order import Order
from launch.plan import Job
from launch.watch import watch

_LARGEST_ARRAY = 1000  # SLURM's own default limit


class Slurm:
    """Submits jobs, then tells how they get on. Ctrl-C ends the telling, not the jobs.

    A job of several hosts starts `sbn.train` on each, as one JAX program. SLURM starts a preempted job, or one whose
    node died, again; submitit does with one that reaches its time limit. The folder of the runs has to be on a disk
    that all nodes share.

    Raises:
        ConfigError: if `settings.extra` holds what is no option of sbatch.
    """

    def __init__(self, settings: Settings, *, tell: Tell = print) -> None:
        check_options(settings.extra)
        self.parallel = settings.parallel or _LARGEST_ARRAY
        self._settings, self._tell = settings, tell

    def preview(self, jobs: Sequence[Job]) -> list[str]:
        """Returns the command lines of the jobs."""
        return command_lines(jobs)

    def run(self, jobs: Sequence[Job], *, elsewhere: Sequence[Job] = ()) -> None:
        """Submits jobs as arrays, and waits for their ends, and those of jobs elsewhere.

        Raises:
            KeyboardInterrupt: Ctrl-C; the jobs stay with SLURM.
        """
        order = Order(jobs, elsewhere=elsewhere, tell=self._tell)
        watch(order, self._submit, elsewhere=elsewhere, tell=self._tell)

    def _submit(self, jobs: Sequence[Job]) -> None:
        folder = jobs[0].workdir.parent / "slurm"
        executor = submitit.AutoExecutor(folder=os.path.abspath(folder), cluster="slurm")
        executor.update_parameters(
            name="sbn",
            timeout_min=self._settings.minutes,
            nodes=self._settings.hosts,
            tasks_per_node=1,
            slurm_array_parallelism=self.parallel,
            slurm_additional_parameters={"requeue": True, **self._settings.extra},
        )
        for start in range(0, len(jobs), _LARGEST_ARRAY):
            chunk = jobs[start : start + _LARGEST_ARRAY]
            with executor.batch():
                submitted = [
                    executor.submit(
                        OnNode(job.words, os.path.abspath(job.workdir), self._settings.retries, os.getcwd())
                    )
                    for job in chunk
                ]
            for job, handle in zip(chunk, submitted, strict=True):
                note(job.workdir, {"engine": "slurm", "id": handle.job_id})
            self._tell(f"submitted {len(chunk)} jobs as {submitted[0].job_id.split('_')[0]}, logs in {folder}")


class OnNode:
    """What runs on every node of a job; submitit pickles it, and asks it to save when its time is up."""

    def __init__(self, words: Sequence[str], workdir: epath.PathLike, retries: int, cwd: str) -> None:
        self._words, self._workdir, self._retries, self._cwd = list(words), workdir, retries, cwd
        self._attempts: Attempts | None = None

    def __call__(self) -> None:
        """Runs the job; an end that is not its own is an error, so that SLURM shows it as one."""
        os.chdir(self._cwd)
        hosts, rank = (
            int(os.environ.get(name, default)) for name, default in (("SLURM_NTASKS", 1), ("SLURM_PROCID", 0))
        )
        task = os.environ.get("SLURM_ARRAY_TASK_ID")
        number = os.environ.get("SLURM_ARRAY_JOB_ID" if task else "SLURM_JOB_ID", "")
        self._attempts = Attempts(
            self._words,
            self._workdir,
            retries=self._retries,
            env={"SBN_MULTIHOST": "1"} if hosts > 1 else {},
            about={"engine": "slurm", "id": f"{number}_{task}" if task else number},
            leads=rank == 0,
        )
        # Preempted: SLURM asks every process of the job to end, the training too; it saves, and starts no more here.
        attempts = self._attempts
        signal.signal(signal.SIGTERM, lambda *_: attempts.stop(signal.SIGTERM))
        code = attempts.run()
        self._attempts = None
        if code not in (0, PREEMPTED):
            raise RuntimeError(f"{self._workdir}: ended with code {code}")

    def checkpoint(self) -> submitit.helpers.DelayedSubmission:
        """Called by submitit shortly before the time limit: saves, and has the job queued again."""
        if self._attempts is not None:
            self._attempts.stop(signal.SIGTERM)
            self._attempts.wait()
            self._attempts = None
        return submitit.helpers.DelayedSubmission(OnNode(self._words, self._workdir, self._retries, self._cwd))
