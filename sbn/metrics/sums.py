"""Sums of many float32 numbers on devices that have no float64: a value, and what its rounding left out.

Each batch is added up by itself, then added to the total by Knuth's two-sum, which loses nothing. So the rounding of a
total is that of its batches' own sums, about 1e-7 of it, however many there are and however they are cut.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class Sum(NamedTuple):
    """A total.

    Attributes:
        value: the float32 nearest to it.
        rest: what `value` lacks.
    """

    value: jax.Array
    rest: jax.Array


def zero(shape: tuple[int, ...] = ()) -> Sum:
    """Returns the sum of nothing."""
    return Sum(jnp.zeros(shape, jnp.float32), jnp.zeros(shape, jnp.float32))


def add(total: Sum, more: jax.Array | Sum) -> Sum:
    """Returns the sum of both."""
    other = more if isinstance(more, Sum) else Sum(more, jnp.zeros_like(more))
    value = total.value + other.value
    part = value - total.value
    lost = (total.value - (value - part)) + (other.value - part)
    return Sum(value, total.rest + other.rest + lost)


def read(total: Sum) -> np.ndarray:
    """Returns the total as float64, infinite or NaN where something in it was."""
    value, rest = (np.asarray(part, np.float64) for part in total)
    return np.where(np.isfinite(value), value + np.where(np.isfinite(rest), rest, 0.0), value)
