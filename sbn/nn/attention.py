"""Attention with several heads (Vaswani et al. 2017, section 3.2): over a sequence itself, and over another one.

Softmax is float32 whatever the activations are. What no position may look at has exactly no influence, and where there
is nothing to look at the result is 0, not NaN.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from sbn.nn.initialisers import uniform

Array = jax.Array
# Keys and values, both (N, S, heads, size of a head)
Memory = tuple[Array, Array]


def attend(
    queries: Array, memory: Memory, allowed: Array, drop: Callable[[Array], Array] = lambda weights: weights
) -> Array:
    """Returns the means of values that queries ask for, (N, T, heads, size).

    Args:
        queries: (N, T, heads, size), already divided by the square root of `size`.
        memory: keys and values, (N, S, heads, size). The values of padding are 0.
        allowed: bool, broadcast to (N, heads, T, S): which positions a query may see.
        drop: dropout of the weights of the means.
    """
    keys, values = memory
    scores = jnp.einsum("nthd,nshd->nhts", queries, keys, preferred_element_type=jnp.float32)
    weights = drop(jax.nn.softmax(jnp.where(allowed, scores, jnp.finfo(jnp.float32).min), axis=-1))
    return jnp.einsum("nhts,nshd->nthd", weights.astype(values.dtype), values)


def split(x: Array, heads: int, parts: int) -> tuple[Array, ...]:
    """(N, T, parts * C) -> so many arrays (N, T, heads, C / heads)."""
    return tuple(part.reshape(*x.shape[:2], heads, -1) for part in jnp.split(x, parts, axis=-1))


def joined(x: Array) -> Array:
    """(N, T, heads, size) -> (N, T, heads * size)."""
    return x.reshape(*x.shape[:2], -1)


def _dense(width: int, parts: int, dtype: Any) -> nn.Dense:
    """Projections (C -> parts * C) in one product; each part starts as Xavier's over the square root of 2 (fairseq)."""
    return nn.Dense(parts * width, dtype=dtype, kernel_init=uniform(math.sqrt(1.5 / width)))


def _out(width: int, dtype: Any) -> nn.Dense:
    return nn.Dense(width, dtype=dtype, kernel_init=nn.initializers.xavier_uniform())


class SelfAttention(nn.Module):
    """Attention over the sequence itself: (N, T, C) -> (N, T, C).

    Attributes:
        width: C.
        heads: how many; they divide C.
        dropout: share of the attention's weights dropped in training.
        dtype: of the products.
    """

    width: int
    heads: int
    dropout: float = 0.0
    dtype: Any = jnp.float32

    def setup(self) -> None:  # noqa: D102
        self.projections, self.out = _dense(self.width, 3, self.dtype), _out(self.width, self.dtype)
        self.drop = nn.Dropout(self.dropout)

    def _split(self, x: Array) -> tuple[Array, Array, Array]:
        queries, keys, values = split(self.projections(x), self.heads, 3)
        return queries / math.sqrt(self.width // self.heads), keys, values

    def __call__(self, x: Array, allowed: Array, *, there: Array | None = None, train: bool = False) -> Array:
        """Attends.

        Args:
            x: (N, T, C).
            allowed: bool, broadcast to (N, heads, T, T).
            there: (N, T) bool, which positions are no padding; None: all that `allowed` names are there.
            train: training mode.
        """
        queries, keys, values = self._split(x)
        if there is not None:
            values = values * there[..., None, None]
        drop = functools.partial(self.drop, deterministic=not train)
        return self.out(joined(attend(queries, (keys, values), allowed, drop)))

    def step(self, x: Array, cache: Memory, position: Array) -> tuple[Array, Memory]:
        """Attends from one position of every beam to it and those before it.

        Args:
            x: (N, B, C), that position of B beams.
            cache: keys and values of the positions before it, (N, B, T, heads, size).
            position: () int32, its number.

        Returns:
            (N, B, C), and the cache with this position.
        """
        beams = x.shape[:2]
        queries, *new = self._split(x)
        old = (
            jax.lax.dynamic_update_slice_in_dim(c, n[:, :, None], position, 2) for c, n in zip(cache, new, strict=True)
        )
        keys, values = cache = tuple(old)  # type: ignore[assignment]
        folded = (keys.reshape(-1, *keys.shape[2:]), values.reshape(-1, *values.shape[2:]))
        allowed = jnp.arange(keys.shape[2]) <= position
        found = attend(queries.reshape(-1, 1, *queries.shape[2:]), folded, allowed)
        return self.out(found.reshape(*beams, -1)), cache


class CrossAttention(nn.Module):
    """Attention over another sequence, the source: (N, T, C), (N, S, C) -> (N, T, C).

    Attributes:
        width: C; so are those that follow as `SelfAttention`'s.
        heads: how many.
        dropout: of the weights.
        dtype: of the products.
    """

    width: int
    heads: int
    dropout: float = 0.0
    dtype: Any = jnp.float32

    def setup(self) -> None:  # noqa: D102
        self.query, self.projections = _dense(self.width, 1, self.dtype), _dense(self.width, 2, self.dtype)
        self.out, self.drop = _out(self.width, self.dtype), nn.Dropout(self.dropout)

    def memory(self, encoded: Array, there: Array) -> Memory:
        """Returns keys and values of the source (N, S, C), whose padding, where `there` (N, S) is False, is worth 0."""
        keys, values = split(self.projections(encoded), self.heads, 2)
        return keys, values * there[..., None, None]

    def __call__(self, x: Array, memory: Memory, there: Array, *, train: bool = False) -> Array:
        """Attends from (N, T, C) to what `memory` returned; T may be positions, or one position of several beams."""
        (queries,) = split(self.query(x), self.heads, 1)
        drop = functools.partial(self.drop, deterministic=not train)
        found = attend(queries / math.sqrt(self.width // self.heads), memory, there[:, None, None], drop)
        return self.out(joined(found))
