"""Engines: one file each over an existing system, imported only when chosen."""

import dataclasses
import importlib
import shlex
from collections.abc import Mapping, Sequence
from typing import Protocol

from launch.plan import Job
from sbn.config.errors import ConfigError, unknown

# name -> (module, class)
ENGINES = {
    "local": ("launch.engines.local", "Local"),
    "slurm": ("launch.engines.slurm", "Slurm"),
    "sky": ("launch.engines.sky", "Sky"),
}


ON_DISK = ("local", "slurm")  # what starts a job keeps its log and its note in the work directory


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings of an engine from the command line.

    Attributes:
        parallel: jobs at once; None for the engine's own choice.
        retries: further tries of a job that does not get on.
        hosts: machines a job.
        minutes: longest time a job may take before it is started again.
        extra: passed on as it is, e.g. {'partition': 'gpu'}.

    Raises:
        ConfigError: for a number that is too small.
    """

    parallel: int | None = None
    retries: int = 2
    hosts: int = 1
    minutes: int = 24 * 60
    extra: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, least in (("parallel", 1), ("retries", 0), ("hosts", 1), ("minutes", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ConfigError(f"--{name}={value} is too small: the least is {least}")


class Engine(Protocol):
    """Runs jobs.

    Attributes:
        parallel: how many at once.
    """

    parallel: int

    def preview(self, jobs: Sequence[Job]) -> list[str]:
        """Returns the commands that would be run or submitted, ready to paste."""
        ...

    def run(self, jobs: Sequence[Job], *, elsewhere: Sequence[Job] = ()) -> None:
        """Runs jobs to their ends, one that needs another's run after that, and watches those `elsewhere`, which
        somebody else runs, to theirs; after Ctrl-C raises KeyboardInterrupt once the jobs are safe."""
        ...


def command_lines(jobs: Sequence[Job]) -> list[str]:
    """Returns the command line of every job."""
    return [" ".join(map(shlex.quote, ["python", *job.words])) for job in jobs]


def check_on_disk(jobs: Sequence[Job], *, engine: str) -> None:
    """Raises a ConfigError for work directories in a bucket, which only `ON_DISK`'s others can have."""
    for job in jobs:
        if engine in ON_DISK and "://" in str(job.workdir):
            raise ConfigError(
                f"{job.workdir} is in a bucket: --engine={engine} needs a --root on a disk; --engine=sky takes buckets"
            )


def load(name: str, settings: Settings) -> Engine:
    """Returns the engine of that name.

    Raises:
        ConfigError: if there is none, or what it needs is not installed.
    """
    if name not in ENGINES:
        raise unknown("engine", name, ENGINES)
    module, cls = ENGINES[name]
    try:
        return getattr(importlib.import_module(module), cls)(settings)
    except ModuleNotFoundError as error:
        raise ConfigError(f"--engine={name} needs {error.name}: pip install 'sbn[{name}]'") from None
