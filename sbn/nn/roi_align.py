"""RoIAlign: what a pyramid of feature maps holds in a region, as a small map of fixed size (He et al. 2017, section 3).

Every bin of a region averages samples x samples points, each interpolated between four cells: a weighted sum of a few
rows of a table that holds the cells of all levels. So one gather serves every level, and chunks of bins keep memory
small: on CPUs faster than all at once, and than one pass for every level.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Array = jax.Array
CHUNK = (
    4  # regions at a time: of 2, 4, 8, 16, 32 and all the fastest on CPUs, of 256 channels (`benchmarks/detection.py`)
)


class Pyramid(NamedTuple):
    """Feature maps of several levels as one table.

    Attributes:
        table: (cells of all levels, C).
        sizes: (height, width) of each level, static.
        scales: cells per pixel of each level, static.
    """

    table: Array
    sizes: tuple[tuple[int, int], ...]
    scales: tuple[float, ...]


def make_pyramid(maps: Sequence[Array], scales: Sequence[float]) -> Pyramid:
    """Returns feature maps (H, W, C) of one image, the finest first, as a table."""
    sizes = tuple((level.shape[0], level.shape[1]) for level in maps)
    return Pyramid(jnp.concatenate([level.reshape(-1, level.shape[-1]) for level in maps]), sizes, tuple(scales))


def levels_of(regions: Array, count: int, *, finest: float = 56.0) -> Array:
    """Returns the level of the pyramid that each region is read from, (R,) int32 (Lin et al. 2017, equation 1).

    Args:
        regions: (R, 4) in pixels.
        count: of levels.
        finest: below twice this many pixels, the root of a region's area, regions are read from the finest level.
    """
    sides = jnp.maximum(regions[:, 2:] - regions[:, :2], 0)
    root = jnp.sqrt(sides[:, 0] * sides[:, 1])
    level = jnp.floor(jnp.log2(jnp.maximum(root, 1e-6) / finest) + 1e-6)
    return jnp.clip(level, 0, count - 1).astype(jnp.int32)


def roi_align(
    pyramid: Pyramid, regions: Array, levels: Array, *, bins: int = 7, samples: int = 2, aligned: bool = False
) -> Array:
    """Returns what a pyramid holds in each region, (R, bins, bins, C).

    Args:
        pyramid: of one image.
        regions: (R, 4), y0, x0, y1, x1 in pixels of the image.
        levels: (R,) int32, the level that each is read from.
        bins: down and across.
        samples: points in each bin, down and across.
        aligned: shift by half a cell, so that regions of the same place on two levels agree (codes since 2019).
    """
    sizes = np.asarray(pyramid.sizes)
    starts = np.concatenate([[0], np.cumsum(sizes.prod(axis=1))[:-1]])
    heights, widths = jnp.asarray(sizes, jnp.int32)[levels].T
    first = jnp.asarray(starts, jnp.int32)[levels]
    scaled = regions * jnp.asarray(pyramid.scales, regions.dtype)[levels][:, None] - (0.5 if aligned else 0.0)
    least = None if aligned else 1.0
    rows, by_row = _taps(scaled[:, 0], scaled[:, 2], heights, bins=bins, samples=samples, least=least)
    columns, by_column = _taps(scaled[:, 1], scaled[:, 3], widths, bins=bins, samples=samples, least=least)
    cells = first[:, None, None, None, None] + (
        rows[:, :, None, :, None] * widths[:, None, None, None, None] + columns[:, None, :, None, :]
    )
    weights = by_row[:, :, None, :, None] * by_column[:, None, :, None, :] / samples**2
    taps = (2 * samples) ** 2
    cells, weights = cells.reshape(len(regions), bins, bins, taps), weights.reshape(len(regions), bins, bins, taps)

    def some(chunk: tuple[Array, Array]) -> Array:
        own, shares = chunk
        return jnp.einsum("yxt,yxtc->yxc", shares.astype(pyramid.table.dtype), pyramid.table[own], precision="highest")

    return jax.lax.map(some, (cells, weights), batch_size=CHUNK)


def _taps(
    start: Array, stop: Array, side: Array, *, bins: int, samples: int, least: float | None
) -> tuple[Array, Array]:
    """Along one axis, the cells that every bin reads and their weights, (R, bins, 2 * samples) each.

    A sample more than one cell beyond the border counts as 0; one less far beyond it reads the border.
    """
    length = stop - start if least is None else jnp.maximum(stop - start, least)
    points = jnp.asarray((np.arange(bins)[:, None] + (np.arange(samples) + 0.5) / samples) / bins, start.dtype)
    places = start[:, None, None] + points * length[:, None, None]
    side = side[:, None, None]
    inside = (places >= -1) & (places <= side)
    places = jnp.clip(places, 0, (side - 1).astype(places.dtype))
    low = jnp.floor(places).astype(jnp.int32)
    share = places - low
    cells = jnp.concatenate([low, jnp.minimum(low + 1, side - 1)], axis=-1)
    weights = jnp.concatenate([1 - share, share], axis=-1) * jnp.concatenate([inside, inside], axis=-1)
    return cells, weights
