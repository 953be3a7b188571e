"""The device mesh: one axis, over which the examples of a batch are sharded."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from sbn.config.errors import ConfigError


def make_mesh(*, batch_size: int, devices: Sequence[jax.Device] | None = None) -> Mesh:
    """Returns the mesh over all devices of all processes, or over `devices`, which may be those of a topology.

    Raises:
        ConfigError: if the batch does not divide evenly.
    """
    count = jax.device_count() if devices is None else len(devices)
    if batch_size % count:
        raise ConfigError(
            f"batch_size = {batch_size} can't be split evenly over {count} devices: use a multiple of {count}"
        )
    return jax.make_mesh((count,), ("data",), axis_types=(AxisType.Auto,), devices=devices)


def over_data(mesh: Mesh, *, axis: int = 0) -> NamedSharding:
    """Returns the sharding of arrays whose axis `axis` is the examples."""
    return NamedSharding(mesh, PartitionSpec(*[None] * axis, "data"))


def replicated(mesh: Mesh) -> NamedSharding:
    """Returns the sharding of arrays that every device holds whole."""
    return NamedSharding(mesh, PartitionSpec())


def place_whole(mesh: Mesh, arrays: Mapping[str, np.ndarray]) -> dict[str, jax.Array]:
    """Puts arrays, the same in all processes, on every device whole."""
    sharding = replicated(mesh)
    return {name: jax.make_array_from_process_local_data(sharding, np.asarray(value)) for name, value in arrays.items()}


def place(mesh: Mesh, batch: Mapping[str, Any], *, axis: int = 0) -> dict[str, Any]:
    """Puts this process's part of a batch on the devices, as part of the global batch; `axis` is the examples'."""
    sharding = over_data(mesh, axis=axis)
    return jax.tree.map(lambda value: jax.make_array_from_process_local_data(sharding, value), dict(batch))
