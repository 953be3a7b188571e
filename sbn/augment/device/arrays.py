"""Random draws and packed pixels in JAX: `sbn.augment.draws` and `sbn.augment.packing` say what they are."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from sbn.augment import draws
from sbn.augment.device import one_hot
from sbn.augment.packing import CHANNEL_SHIFTS, MARK

# The work of a product grows with the third power of the side, that of a gather with the second.
ONE_HOT_SIDE = 128
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


def show(words: jax.Array, rows: jax.Array, columns: jax.Array, *, image_size: tuple[int, int], fill: int) -> jax.Array:
    """Returns the pixels at other rows and columns, image by image, or `fill` where these are off the image.

    Args:
        words: (N, H * W) int32 packed.
        rows: (N, P) int32.
        columns: (N, P) int32.
        image_size: (H, W), static.
        fill: a packed word.

    Returns:
        (N, P) int32.
    """

    def gathered(words: jax.Array, rows: jax.Array, columns: jax.Array) -> jax.Array:
        height, width = image_size
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        # One more word an image, so that one gather does all: a choice after it would be repeated in all that reads it.
        padded = jnp.pad(words, ((0, 0), (0, 1)), constant_values=fill)
        return pick(padded, jnp.where(inside, rows * width + columns, height * width))

    products = functools.partial(one_hot.show, image_size=image_size, fill=fill)
    return by_platform(gathered, products if max(image_size) <= ONE_HOT_SIDE else gathered)(words, rows, columns)


def by_platform(gathered: Callable[..., jax.Array], products: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """Returns a function that does, of two with the same results, what the platform that it is compiled for does best.

    Args:
        gathered: with gathers and scatters, for CPUs and GPUs.
        products: with products of one-hot matrices, for TPUs.
    """
    return lambda *arrays: jax.lax.platform_dependent(*arrays, default=gathered, tpu=products)


def apart(change: Callable[[jax.Array], jax.Array], array: jax.Array, wanted: jax.Array) -> jax.Array:
    """Returns `change(array)`, for which `array` may stand where nothing is `wanted`, bool.

    On CPUs it is a branch of its own. Fused with the arithmetic that follows, a gather would be done anew for all that
    reads it, and keep it from being vectorised: a layer of RandAugment then takes three times as long.
    """
    return jax.lax.platform_dependent(
        array,
        wanted,
        default=lambda array, wanted: change(array),
        cpu=lambda array, wanted: jax.lax.cond(wanted.any(), change, lambda array: array, array),
    )
