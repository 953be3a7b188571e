"""The ops of the host path on NumPy arrays, for pictures and evaluation."""

from collections.abc import Callable, Sequence

import numpy as np

from sbn.augment.op import Op
from sbn.data.host.without_gpu import hide_gpus


def make_apply(ops: Sequence[Op], *, image_size: tuple[int, int]) -> Callable[..., np.ndarray]:
    """Returns `apply(words, seed=, stage=, epoch=, ids=, view=)`, packed images (N, H, W) to (N, H', W').

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

    def apply(words: np.ndarray, **address: object) -> np.ndarray:
        with tf.device("CPU"):
            return np.asarray(augment(tf.constant(words), **address))

    return apply
