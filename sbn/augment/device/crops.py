"""A run of flips, crops and cutouts as one gather in JAX."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from sbn.augment.crops import Move, outside, walk
from sbn.augment.device.arrays import JAX, pick_or_fill
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
    index = jnp.where(filled, -1, rows[:, :, None] * width + columns[:, None, :])
    index = jnp.broadcast_to(index, (len(pixels), *filled.shape[1:]))
    return pick_or_fill(pixels, index.reshape(len(pixels), index.shape[1] * index.shape[2]), fill)
