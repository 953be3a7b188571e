"""TensorFlow without a GPU: hiding GPUs from it, TFDS's data sets, and the host path's ops on NumPy arrays.

Pictures and evaluation augment NumPy arrays; training does it inside tf.data (`sbn.data.host.pipeline`).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sbn.augment.op import Op


def builders() -> list[str]:
    """Returns the names of the data sets that the installed TFDS knows."""
    import tensorflow_datasets as tfds

    return list(tfds.list_builders(with_community_datasets=False))


def hide_gpus() -> None:
    """Hides the GPUs from TensorFlow, before its first use: it would take the memory that JAX needs."""
    import tensorflow as tf

    tf.config.set_visible_devices([], "GPU")


def as_written(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function for tf.data that TensorFlow calls as it is written, without AutoGraph.

    AutoGraph would rewrite each into a file in the temporary folder, and a killed run would leave its files there. The
    host path has nothing to rewrite: it branches by TensorFlow's own functions.
    """
    import tensorflow as tf

    return tf.autograph.experimental.do_not_convert(function)


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
