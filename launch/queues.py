"""What the systems that run jobs say of those they still have."""

import functools
import importlib
import subprocess


@functools.cache
def slurm() -> dict[str, str]:
    """Returns what SLURM says of every job it still has, pending or running, by id; empty without SLURM."""
    try:
        answer = subprocess.run(
            ["squeue", "--noheader", "--array", "--format=%i %T"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return {}
    return dict(line.split(maxsplit=1) for line in answer.stdout.splitlines())


@functools.cache
def sky() -> dict[str, str]:
    """Returns what SkyPilot says of every managed job that has not ended, by id; empty where it is not installed."""
    try:
        api = importlib.import_module("sky")
    except ModuleNotFoundError:
        return {}
    jobs = api.get(api.jobs.queue(refresh=False, skip_finished=True))
    return {str(job["job_id"]): job["status"].value for job in jobs}


ACTIVE = {"slurm": slurm, "sky": sky}


def forget() -> None:
    """Has the next question asked anew."""
    for ask in ACTIVE.values():
        ask.cache_clear()
