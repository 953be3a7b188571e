"""Training: `train(config, workdir)`. Loads jax when the first of its names is asked for."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sbn.train.loop import train
    from sbn.train.pending import Diverged
    from sbn.train.preemption import Preempted
    from sbn.train.workdir import Origin

__all__ = ["Diverged", "Origin", "Preempted", "train"]

_MODULES = {"Diverged": "pending", "Origin": "workdir", "Preempted": "preemption", "train": "loop"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
