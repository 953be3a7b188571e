"""The state of training: everything that a step reads and changes."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from sbn.tasks.base import Task, stream_key


class TrainState(NamedTuple):
    """What a checkpoint holds. `step` counts the steps done."""

    step: jax.Array
    params: Any
    batch_stats: Any
    opt_state: Any

    @property
    def variables(self) -> dict[str, Any]:
        """What a model is applied with."""
        return {"params": self.params, "batch_stats": self.batch_stats}


def init_state(task: Task, optimiser: optax.GradientTransformation, *, seed: int) -> TrainState:
    """Returns the state before the first step."""
    variables = task.init(stream_key(seed, "init"))
    return TrainState(
        jnp.zeros((), jnp.int32), variables["params"], variables["batch_stats"], optimiser.init(variables["params"])
    )
