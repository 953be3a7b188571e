"""Packed words and channel planes in JAX; `sbn.data.pixels.pack` makes the words.

R, G, B and X lie in the four bytes of an int32, R lowest; X = 255 marks an image pixel, X = 0 a filler, which the
network sees as the data set's mean.
"""

import jax
import jax.numpy as jnp
import numpy as np

MARK = -(1 << 24)  # 0xFF000000 as int32: the X byte
_CHANNEL_SHIFTS = (0, 8, 16)


def grey(level: int) -> int:
    """Returns the word of an image pixel with R = G = B = level, as a signed 32-bit number."""
    return MARK | level * 0x010101


def split(words: jax.Array) -> jax.Array:
    """Splits words (N, P) into planes (N, 3, P) int32 with values 0..255."""
    # No `stack`: XLA would fuse what made the words into each of its three parts, and compile that for half a minute.
    return (words[:, None] >> np.array(_CHANNEL_SHIFTS, np.int32)[:, None]) & 255


def merge(planes: jax.Array, words: jax.Array) -> jax.Array:
    """Merges planes (N, 3, P) into words (N, P), keeping the X of `words`."""
    merged = words & MARK
    for channel, shift in enumerate(_CHANNEL_SHIFTS):
        merged |= planes[:, channel] << shift
    return merged


def pick(values: jax.Array, index: jax.Array) -> jax.Array:
    """Returns values[..., index] row by row: every row its own, so that rows on different devices stay there.

    Args:
        values: (..., V).
        index: (..., P) int32, in 0..V-1, which is not checked; leading axes of values that are 1 are shared.
    """
    return jnp.take_along_axis(values, index, axis=-1, mode="promise_in_bounds")
