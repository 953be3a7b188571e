"""The state of training: everything that a step reads and changes."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from sbn.config.errors import ConfigError, unknown
from sbn.tasks.base import Task, stream_key
from sbn.train import averaging


class TrainState(NamedTuple):
    """What a checkpoint holds. `step` counts the steps done; `ema` are averaged variables, None without `optim.ema`."""

    step: jax.Array
    params: Any
    batch_stats: Any
    opt_state: Any
    ema: Any = None

    @property
    def variables(self) -> dict[str, Any]:
        """What a model is applied with."""
        return {"params": self.params, "batch_stats": self.batch_stats}

    def weights(self, which: str) -> dict[str, Any]:
        """The variables as they are trained, 'plain', or averaged, 'ema'.

        Raises:
            ConfigError: if no average was kept.
        """
        if which not in averaging.WEIGHTS:
            raise unknown("weights", which, averaging.WEIGHTS)
        if which == averaging.AVERAGED and self.ema is None:
            raise ConfigError("no averaged weights ('ema'): the run was trained without optim.ema")
        return self.variables if which == averaging.PLAIN else self.ema


def init_state(
    task: Task, optimiser: optax.GradientTransformation, *, seed: int, ema: float | None = None
) -> TrainState:
    """Returns the state before the first step; with an average of the variables where `ema` is its decay."""
    variables = task.init(stream_key(seed, "init"))
    average = None if ema is None else averaging.start(variables)
    opt_state = optimiser.init(variables["params"])
    return TrainState(jnp.zeros((), jnp.int32), variables["params"], variables["batch_stats"], opt_state, average)
