"""Loss and perplexity of the tokens that follow, for every branch."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sbn.metrics import sums
from sbn.metrics.base import State, Value


@dataclasses.dataclass(frozen=True)
class Perplexity:
    """Measures negative log-probabilities of whole sentences, (N, K), over the tokens of a target (N, T),
    which 0 fills up.

    Attributes:
        branches: names of the K branches.
        target: name of the target.
    """

    branches: tuple[str, ...]
    target: str = "target"

    def init(self) -> State:
        """Returns the state of no sentences."""
        return {"loss": sums.zero((len(self.branches),)), "tokens": jnp.zeros((), jnp.int32)}

    def update(self, state: State, outputs: Any, targets: Mapping[str, Any], valid: jax.Array) -> State:
        """Returns the state after one more batch; see `Metric`."""
        counted = (targets[self.target] > 0).sum(axis=1)
        return {
            "loss": sums.add(state["loss"], jnp.where(valid[:, None], outputs, 0.0).sum(axis=0)),
            "tokens": state["tokens"] + jnp.where(valid, counted, 0).sum(dtype=jnp.int32),
        }

    def merge(self, a: State, b: State) -> State:
        """Returns the state of the sentences of both."""
        return {"loss": sums.add(a["loss"], b["loss"]), "tokens": a["tokens"] + b["tokens"]}

    def compute(self, state: State) -> Mapping[str, Value]:
        """Returns for every branch the loss of a token in nats, without smoothing, and its exponential."""
        state = jax.device_get(state)
        losses = sums.read(state["loss"]) / max(int(state["tokens"]), 1)
        named: dict[str, Value] = {}
        for branch, loss in zip(self.branches, losses, strict=True):
            named |= {f"{branch}/loss": float(loss), f"{branch}/perplexity": float(np.exp(np.minimum(loss, 700.0)))}
        return named
