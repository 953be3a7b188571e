"""Engines: one file each over an existing system, imported only when chosen."""

import importlib
from collections.abc import Sequence
from typing import Any, Protocol

from launch.plan import Job
from sbn.config.errors import unknown

# name -> (module, class)
ENGINES = {"local": ("launch.engines.local", "Local")}


class Engine(Protocol):
    """Runs jobs.

    Attributes:
        parallel: how many at once.
    """

    parallel: int

    def run(self, jobs: Sequence[Job]) -> None:
        """Runs jobs to their ends, in order; raises KeyboardInterrupt once they are safe after Ctrl-C."""
        ...


def load(name: str, **settings: Any) -> Engine:
    """Returns the engine of that name.

    Raises:
        ConfigError: if there is none.
    """
    if name not in ENGINES:
        raise unknown("engine", name, ENGINES)
    module, cls = ENGINES[name]
    return getattr(importlib.import_module(module), cls)(**settings)
