"""The cross-entropy of tokens of a large vocabulary, whose logits never exist as a whole."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

Array = jax.Array
# Logits that are in memory at a time, and how many parts at most: every part is a part of the program
_AT_A_TIME, _PARTS = 2**24, 8


class TokenLoss(NamedTuple):
    """Sums over tokens.

    Attributes:
        smoothed: (1,) of the losses with smoothed labels, which has the gradient.
        nll: (N,) of the negative logarithms of the probabilities of every example's tokens; no gradient.
    """

    smoothed: Array
    nll: Array


def token_loss(x: Array, table: Array, truth: Array, *, label_smoothing: float = 0.0) -> TokenLoss:
    """Returns the losses of what follows, by the dot products of activations with the embeddings of all tokens.

    A token's loss is (1 - s) * -log p(truth) + s / V * the sum over all V tokens of -log p (Szegedy et al. 2016, and
    fairseq before 2020, which divides by V, not by V - 1). Positions of padding count nothing.

    The gradient is made with the sum, part by part: it needs no logits later, and none are computed twice.

    Args:
        x: (N, T, C), the activations.
        table: (V, C) float32, the embeddings.
        truth: (N, T) int32, what follows; 0 is padding.
        label_smoothing: s.
    """
    smoothed, nll = _summed(label_smoothing, x, table, truth)
    return TokenLoss(smoothed, nll)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _summed(smoothing: float, x: Array, table: Array, truth: Array) -> tuple[Array, Array]:
    smoothed, nll = jnp.zeros(1), jnp.zeros(len(x))
    for part in _parts(x, table):
        own, its, _ = _part(smoothing, x[:, part], table, truth[:, part])
        smoothed, nll = smoothed + own, nll + its
    return smoothed, nll


def _with_gradient(
    smoothing: float, x: Array, table: Array, truth: Array
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    smoothed, nll = jnp.zeros(1), jnp.zeros(len(x))
    along: list[Array] = []
    of_table = jnp.zeros(table.shape)
    used = table.astype(x.dtype)
    for part in _parts(x, table):
        seen = x[:, part]
        if along:  # a part begins when the one before it is done: compilers would make the logits of all at once
            seen, along[-1] = jax.lax.optimization_barrier((seen, along[-1]))
        own, its, chances = _part(smoothing, seen, table, truth[:, part])
        smoothed, nll = smoothed + own, nll + its
        there = (truth[:, part] > 0)[..., None]
        wanted = jax.nn.one_hot(truth[:, part], len(table)) * (1 - smoothing) + smoothing / len(table)
        slope = ((chances - wanted) * there).astype(x.dtype)
        along.append(jnp.einsum("ntv,vc->ntc", slope, used))
        of_table += jnp.einsum("ntv,ntc->vc", slope, seen, preferred_element_type=jnp.float32)
    return (smoothed, nll), (jnp.concatenate(along, axis=1), of_table)


def _back(
    smoothing: float, gradients: tuple[Array, Array], cotangents: tuple[Array, Array]
) -> tuple[Array, Array, None]:
    along, of_table = gradients
    return along * cotangents[0].astype(along.dtype), of_table * cotangents[0], None


_summed.defvjp(_with_gradient, _back)


def _part(smoothing: float, x: Array, table: Array, truth: Array) -> tuple[Array, Array, Array]:
    """Of some positions the sum (1,) of their losses, those (N,) without smoothing, and the probabilities (N, T, V)."""
    logits = jnp.einsum("ntc,vc->ntv", x, table.astype(x.dtype), preferred_element_type=jnp.float32)
    there = truth > 0
    total = jax.nn.logsumexp(logits, axis=-1, keepdims=True)
    nll = jnp.where(there, (total - jnp.take_along_axis(logits, truth[..., None], axis=-1))[..., 0], 0)
    evenly = jnp.where(there, total[..., 0] - logits.mean(axis=-1), 0)
    smoothed = ((1 - smoothing) * nll + smoothing * evenly).sum()[None]
    return smoothed, nll.sum(axis=1), jnp.exp(logits - total)


def _parts(x: Array, table: Array) -> list[slice]:
    """Spans of positions whose logits are made together."""
    examples, length, _ = x.shape
    count = min(-(-examples * length * len(table) // _AT_A_TIME), _PARTS, length)
    size = -(-length // max(count, 1))
    return [slice(start, min(start + size, length)) for start in range(0, length, size)]
