"""Top-1 and top-5 accuracy and loss of every branch, and of mixed predictions of the first two.

mix_λ predicts λ p_main + (1 - λ) p_aux (Split BatchNorms, section 6): λ = 1 is the first branch, 0 the second.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sbn.metrics import sums
from sbn.metrics.base import State, Value

Array = jax.Array


@dataclasses.dataclass
class Score:
    """What a model reached on one set, for each of P predictions.

    Attributes:
        accuracy: (P,) share of the examples whose label scored highest.
        top5: (P,) share of the examples whose label was among the five highest.
        loss: (P,) mean cross-entropy.
    """

    accuracy: np.ndarray
    top5: np.ndarray
    loss: np.ndarray


@dataclasses.dataclass(frozen=True)
class Accuracy:
    """Measures logits (N, K, classes) against 'label' (N,).

    A tie for the highest score counts against the model, and so does NaN: a constant prediction is not right about
    every example. Counts are whole numbers, exact up to 2**31 examples; losses are added up as `sbn.metrics.sums` says.

    Attributes:
        branches: names of the K branches.
        mix: the lambdas; a model of one branch has nothing to mix.
        average: what a mixed prediction averages, 'probabilities' or 'logits'.
        top5: whether to tell top-5 accuracy, which says nothing of five classes or fewer.
    """

    branches: tuple[str, ...]
    mix: tuple[float, ...] = ()
    average: str = "probabilities"
    top5: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the P predictions: the branches, then mix_λ."""
        return (*self.branches, *map(mix_name, self._lambdas))

    def init(self) -> State:
        """Returns the state of no examples."""
        count = len(self.names)
        none = jnp.zeros(count, jnp.int32)
        return {"examples": jnp.zeros((), jnp.int32), "top1": none, "top5": none, "loss": sums.zero((count,))}

    def update(self, state: State, outputs: Any, targets: Mapping[str, Any], valid: Array) -> State:
        """Returns the state after one more batch; see `Metric`."""
        ranks, losses = ranked(outputs, targets["label"], mix=self._lambdas, average=self.average)
        counted = valid[:, None]
        return {
            "examples": state["examples"] + valid.sum(dtype=jnp.int32),
            "top1": state["top1"] + (counted & (ranks == 1)).sum(axis=0, dtype=jnp.int32),
            "top5": state["top5"] + (counted & (ranks <= 5)).sum(axis=0, dtype=jnp.int32),
            "loss": sums.add(state["loss"], jnp.where(counted, losses, 0.0).sum(axis=0)),
        }

    def merge(self, a: State, b: State) -> State:
        """Returns the state of the examples of both."""
        counts = {name: a[name] + b[name] for name in ("examples", "top1", "top5")}
        return {**counts, "loss": sums.add(a["loss"], b["loss"])}

    def score(self, state: State) -> Score:
        """Returns what the model reached."""
        state = jax.device_get(state)
        examples = float(state["examples"])
        return Score(state["top1"] / examples, state["top5"] / examples, sums.read(state["loss"]) / examples)

    def compute(self, state: State) -> Mapping[str, Value]:
        """Returns `PREDICTION/` accuracy, top5_accuracy and loss."""
        score = self.score(state)
        named = {"accuracy": score.accuracy} | ({"top5_accuracy": score.top5} if self.top5 else {})
        named["loss"] = score.loss
        return {f"{name}/{key}": float(row[k]) for k, name in enumerate(self.names) for key, row in named.items()}

    @property
    def _lambdas(self) -> tuple[float, ...]:
        return self.mix if len(self.branches) > 1 else ()


def mix_name(weight: float) -> str:
    """Returns what the prediction with λ = `weight` is called."""
    return f"mix_{weight:g}"


def ranked(logits: Array, labels: Array, *, mix: Sequence[float], average: str) -> tuple[Array, Array]:
    """Ranks the labels of N examples under every branch, and under every mix of the first two.

    Probabilities are mixed as logarithms, which tell apart what is too small, or too near 1, for a float32.

    Args:
        logits: (N, K, classes).
        labels: (N,) int; where negative, ranks and losses mean nothing.
        mix: lambdas in [0, 1].
        average: 'probabilities' or 'logits'.

    Returns:
        (N, P) int32 ranks of the label, 1 for the highest score, and (N, P) float32 cross-entropies.
    """
    logits = logits.astype(jnp.float32)
    log_p = jax.nn.log_softmax(logits)
    scores, likelihoods = [logits[:, k] for k in range(logits.shape[1])], [log_p[:, k] for k in range(logits.shape[1])]
    for weight in mix:
        if weight in (0, 1):  # the branch itself, to the bit
            scores.append(scores[0 if weight else 1])
            likelihoods.append(likelihoods[0 if weight else 1])
        elif average == "logits":
            scores.append(weight * logits[:, 0] + (1 - weight) * logits[:, 1])
            likelihoods.append(jax.nn.log_softmax(scores[-1]))
        else:
            scores.append(jnp.logaddexp(np.log(weight) + log_p[:, 0], np.log1p(-weight) + log_p[:, 1]))
            likelihoods.append(scores[-1])
    found = [_pick(own, labels) for own in scores]
    ranks = [(~(own < picked[:, None])).sum(axis=-1) for own, picked in zip(scores, found, strict=True)]
    return jnp.stack(ranks, axis=1), -jnp.stack([_pick(own, labels) for own in likelihoods], axis=1)


def _pick(values: Array, labels: Array) -> Array:
    """(N, classes) -> (N,), the label's."""
    return jnp.take_along_axis(values, jnp.maximum(labels, 0)[:, None], axis=-1)[:, 0]
