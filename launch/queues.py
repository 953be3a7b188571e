"""What the systems that run jobs say of those they still have."""

import functools
import importlib
import subprocess
from collections.abc import Mapping


class NoAnswer(Exception):
    """A system that is here did not say which jobs it has."""

    exit_code = 1


@functools.cache
def slurm() -> Mapping[str, str] | None:
    """Returns what SLURM says of every job it still has, pending or running, by id; None on a machine without SLURM.

    Raises:
        NoAnswer: if it can't be reached: its controller may be busy, or starting.
    """
    try:
        answer = subprocess.run(
            ["squeue", "--noheader", "--array", "--format=%i %T"], capture_output=True, text=True, check=True
        )
    except FileNotFoundError:
        return None
    except subprocess.CalledProcessError as error:
        raise NoAnswer(f"squeue: {error.stderr.strip()}") from None
    return dict(line.split(maxsplit=1) for line in answer.stdout.splitlines())


@functools.cache
def sky() -> Mapping[str, str] | None:
    """Returns what SkyPilot says of every managed job that has not ended, by id; None where it is not installed.

    Raises:
        NoAnswer: if it does not tell.
    """
    try:
        api = importlib.import_module("sky")
    except ModuleNotFoundError:
        return None
    try:
        jobs = api.get(api.jobs.queue(refresh=False, skip_finished=True))
    except Exception as error:  # of its server, of clouds' clients, of the network: it has no common class for them
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise NoAnswer(f"SkyPilot: {first}") from None
    return {str(job["job_id"]): job["status"].value for job in jobs}


ACTIVE = {"slurm": slurm, "sky": sky}


def forget() -> None:
    """Has the next question asked anew."""
    for ask in ACTIVE.values():
        ask.cache_clear()
