"""A run of flips, crops and cutouts as one gather in JAX."""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from sbn.augment.crops import Move, outside, walk
from sbn.augment.device import one_hot
from sbn.augment.device.arrays import JAX, by_platform, pick
from sbn.augment.packing import FILLER


def apply_crops(run: Sequence[Move], pixels: jax.Array) -> jax.Array:
    """Applies a run of `sbn.augment.crops.CROP_OPS`.

    Args:
        run: what its ops do, in order.
        pixels: (N, H * W) int32 packed words.

    Returns:
        (N, H' * W') int32; uncovered pixels are fillers, or of the colour that a crop pads with.
    """
    rows, columns, covers = walk(run, library=JAX)
    shown = show(pixels, rows, columns, [covered for covered, _ in covers], image_size=run[0].before, fill=FILLER)
    if all(word == FILLER for _, word in covers):
        return shown
    for covered, word in covers:
        shown = jnp.where(jnp.asarray(covered).reshape(-1, shown.shape[1]), word, shown)
    return shown


def show(
    pixels: jax.Array,
    rows: jax.Array,
    columns: jax.Array,
    holes: Sequence[jax.Array] = (),
    *,
    image_size: tuple[int, int],
    fill: int,
) -> jax.Array:
    """Returns images whose pixels come from given rows and columns.

    Args:
        pixels: (N, H * W) int32 packed words.
        rows: (1 or N, H') int32, of every row of the result; `fill` where it is off the image.
        columns: (1 or N, W') likewise.
        holes: (1 or N, H', W') bool each; `fill` there too.
        image_size: (H, W), static.
        fill: a packed word.

    Returns:
        (N, H' * W') int32.
    """
    height, width = image_size
    filled = jnp.asarray(outside(rows, height)[:, :, None] | outside(columns, width)[:, None, :])
    for hole in holes:
        filled |= hole
    count, (after, across) = len(pixels), filled.shape[1:]
    lines = [jnp.broadcast_to(part, (count, part.shape[1])) for part in (jnp.asarray(rows), jnp.asarray(columns))]
    return by_platform(
        functools.partial(_gathered, width=width, fill=fill),
        functools.partial(one_hot.show_lines, image_size=image_size, fill=fill),
    )(pixels, *lines, jnp.broadcast_to(filled, (count, after, across)))


def _gathered(
    pixels: jax.Array, rows: jax.Array, columns: jax.Array, filled: jax.Array, *, width: int, fill: int
) -> jax.Array:
    index = jnp.where(filled, pixels.shape[1], rows[:, :, None] * width + columns[:, None, :])
    # One more word an image, so that one gather does all: a choice after it would be repeated in all that reads it.
    padded = jnp.pad(pixels, ((0, 0), (0, 1)), constant_values=fill)
    return pick(padded, index.reshape(len(pixels), index.shape[1] * index.shape[2]))
