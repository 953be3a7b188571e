"""Training: `train(config, workdir)`."""

from sbn.train.loop import Diverged, train
from sbn.train.preemption import Preempted
from sbn.train.workdir import Origin

__all__ = ["Diverged", "Origin", "Preempted", "train"]
