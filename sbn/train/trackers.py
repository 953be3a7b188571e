"""Trackers of experiments beside metrics.jsonl: named in `log.trackers`, imported only then.

A tracker is a class or function of a user's own, package.module:Name. It is called with `config`, the run's config as a
flat dict of dotted keys, and `workdir`, and returns what has clu's two methods: `write_scalars(step, scalars)` and
`close()`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sbn.config import imported
from sbn.config.errors import ConfigError


class Tracker(Protocol):
    """Takes the metrics of a run; clu's `MetricWriter`s are such."""

    def write_scalars(self, step: int, scalars: Mapping[str, float]) -> None:
        """Adds the metrics of a step. After a kill a run repeats steps that it has written before."""

    def close(self) -> None:
        """Ends it, also where training failed."""


def make(makers: Mapping[str, Any], *, config: Mapping[str, Any], workdir: str) -> list[Tracker]:
    """Makes the trackers of a run from what `find` returned.

    Raises:
        ConfigError: one line, for one that can't be written to.
    """
    made = []
    for name, maker in makers.items():
        with imported.keeping_folder():
            tracker = maker(config=dict(config), workdir=workdir)
        if lacking := [part for part in ("write_scalars", "close") if not callable(getattr(tracker, part, None))]:
            kind = type(tracker).__name__
            raise ConfigError(f"log.trackers = {name!r} makes a {kind}, which lacks {', '.join(lacking)}")
        made.append(tracker)
    return made


def find(names: Sequence[str]) -> dict[str, Any]:
    """Returns what makes the trackers, by its name, imported.

    Raises:
        ConfigError: one line, for a name that can't be imported or called with `config` and `workdir`.
    """
    found = {}
    for name in names:
        maker = imported.load(name, key="log.trackers")
        if not callable(maker) or not all(imported.takes(maker).takes(word) for word in ("config", "workdir")):
            raise ConfigError(f"log.trackers = {name!r} can't be called with config and workdir, as trackers are")
        found[name] = maker
    return found


def weights_and_biases(*, config: Mapping[str, Any], workdir: str) -> Tracker:
    """Weights & Biases: `log.trackers=('sbn.train.trackers:weights_and_biases',)`; its own variables say which project.

    A run that is resumed goes on as the same run there.

    Raises:
        ConfigError: if the package wandb is not installed.
    """
    try:
        import wandb
    except ImportError:
        raise ConfigError("log.trackers: Weights & Biases needs its package: pip install wandb") from None
    name = hashlib.sha256(workdir.encode()).hexdigest()[:16]
    run = wandb.init(id=name, name=workdir, resume="allow", config=dict(config))
    return _WeightsAndBiases(run)


class _WeightsAndBiases:
    def __init__(self, run: Any) -> None:
        self._run = run

    def write_scalars(self, step: int, scalars: Mapping[str, float]) -> None:
        self._run.log(dict(scalars), step=step)

    def close(self) -> None:
        self._run.finish()
