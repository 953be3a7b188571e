"""What SLURM says of the jobs it has."""

import functools
import subprocess


@functools.cache
def active() -> dict[str, str]:
    """Returns what SLURM says of every job it still has, pending or running, by id; empty without SLURM."""
    try:
        answer = subprocess.run(
            ["squeue", "--noheader", "--array", "--format=%i %T"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return {}
    return dict(line.split(maxsplit=1) for line in answer.stdout.splitlines())
