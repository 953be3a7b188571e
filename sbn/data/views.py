"""What both data paths are asked for: the views of an example, and batches of them."""

import dataclasses

import numpy as np

from sbn.augment import pipeline

Batch = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class View:
    """One augmented copy of the batch.

    Attributes:
        ops: the parsed augmentation pipeline.
        draws: which stream of random draws it uses; views of one stream make the same draws for ops of the same name.
    """

    ops: tuple[pipeline.Op, ...]
    draws: int
