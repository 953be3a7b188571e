"""Random draws and packed pixels in JAX: `sbn.augment.draws` and `sbn.augment.packing` say what they are."""

import jax
import jax.numpy as jnp
import numpy as np

from sbn.augment import draws
from sbn.augment.packing import CHANNEL_SHIFTS, MARK

JAX = draws.make_library(jnp)


def below(bits: jax.Array, n: int) -> jax.Array:
    """Returns `draws.index`."""
    return draws.index(bits, n, JAX)


def marked(words: jax.Array) -> jax.Array:
    """Returns words (...) with fillers made image pixels without a label, of the colour that stands under them."""
    return jnp.where(words & MARK == 0, words | MARK, words)


def split(words: jax.Array) -> jax.Array:
    """Splits words (N, P) into planes (N, 3, P) int32 with values 0..255."""
    # No `stack`: XLA would fuse what made the words into each of its three parts, and compile that for half a minute.
    return (words[:, None] >> np.array(CHANNEL_SHIFTS, np.int32)[:, None]) & 255


def merge(planes: jax.Array, words: jax.Array) -> jax.Array:
    """Merges planes (N, 3, P) into words (N, P), keeping the X of `words`."""
    merged = words & MARK
    for channel, shift in enumerate(CHANNEL_SHIFTS):
        merged |= planes[:, channel] << shift
    return merged


def pick(values: jax.Array, index: jax.Array) -> jax.Array:
    """Returns values[..., index] row by row.

    Args:
        values: (..., V).
        index: (..., P) int32, in 0..V-1, which is not checked; leading axes of values that are 1 are shared.
    """
    # One index a value: `take_along_axis` would make one an axis, which takes longer than the gather.
    *lead, size = values.shape
    rows = np.arange(np.prod(lead, dtype=np.int32), dtype=np.int32).reshape(*lead, 1)
    return values.reshape(-1).at[rows * size + index].get(mode="promise_in_bounds")


def pick_or_fill(words: jax.Array, index: jax.Array, fill: int) -> jax.Array:
    """Returns words[:, index] image by image, or `fill` where the index is negative.

    Args:
        words: (N, V) int32.
        index: (N, P) int32, below V, which is not checked.
        fill: a packed word.
    """
    # One more word an image, so that one gather does all: a choice after it would be repeated in all that reads it.
    padded = jnp.pad(words, ((0, 0), (0, 1)), constant_values=fill)
    return pick(padded, jnp.where(index < 0, words.shape[1], index))
