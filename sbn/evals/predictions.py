"""The outputs of every branch for every image of a set, each image exactly once, in order."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from sbn.data.pixels import pack
from sbn.tasks.base import Task, Variables

Predict = Callable[[Variables, np.ndarray], np.ndarray]


def make_predict(task: Task, mesh: Mesh, *, batch_size: int) -> Predict:
    """Returns a function from variables and uint8 images (M, H, W, 3) to float32 outputs (M, K, classes).

    The images are cut into batches of one shape, compiled once, sharded over the mesh; the last is padded, and what
    the padding gives is thrown away here. Any M, batch size and number of devices give every image once.
    """
    devices = mesh.devices.size
    sharding = NamedSharding(mesh, PartitionSpec("data"))
    whole = NamedSharding(mesh, PartitionSpec())
    forward = jax.jit(task.predict, in_shardings=(whole, sharding), out_shardings=whole)

    def predict(variables: Variables, images: np.ndarray) -> np.ndarray:
        outputs = []
        padded = -(-min(batch_size, len(images)) // devices) * devices
        for start in range(0, len(images), padded):
            batch = images[start : start + padded]
            filled = np.zeros((padded, *images.shape[1:]), np.uint8)
            filled[: len(batch)] = batch
            packed = pack(filled)
            placed = jax.make_array_from_callback(packed.shape, sharding, packed.__getitem__)
            outputs.append((forward(variables, placed), len(batch)))
        return np.concatenate([np.asarray(jnp.asarray(output))[:count] for output, count in outputs])

    return predict
