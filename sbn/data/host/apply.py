"""The ops of the host path on NumPy arrays, for pictures and evaluation."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sbn.augment.op import Op
from sbn.data.host.without_gpu import hide_gpus


def make_apply(ops: Sequence[Op], *, image_size: tuple[int, int]) -> Callable[..., Any]:
    """Returns `apply(words, seed=, stage=, epoch=, ids=, view=)`, packed images (N, H, W) to (N, H', W').

    With `boxes=`, (N, B, 4) float32, it returns the images and the boxes in them.

    Args:
        ops: the pipeline.
        image_size: (H, W).

    Raises:
        ValueError: an op does not fit the images.
    """
    hide_gpus()
    import tensorflow as tf

    from sbn.augment.host.apply import make_apply

    augment = make_apply(tuple(ops), image_size=image_size)

    def apply(words: np.ndarray, **address: object) -> Any:
        with tf.device("CPU"):
            return tf.nest.map_structure(np.asarray, augment(tf.constant(words), **address))

    return apply
