"""Bilinear resizing of maps, as two products with constant matrices: exact, and cheap on accelerators.

Logits of every pixel are the largest arrays of segmentation: they can be made a band of rows at a time (`Bands`).
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Array = jax.Array
MOST = 2**25  # numbers in a band of maps


def upsample(maps: Array, size: tuple[int, int], *, align_corners: bool) -> Array:
    """Returns maps (N, h, w, C) at another size, (N, H, W, C) float32, at least as large.

    Args:
        maps: of any float type.
        size: (H, W).
        align_corners: the middles of the corner pixels stay where they are (PSPNet's code); otherwise the borders do.
    """
    rows = jnp.asarray(_weights(maps.shape[1], size[0], align_corners))
    return _tall(_wide(maps, size[1], align_corners), rows)


class Bands(NamedTuple):
    """Maps at another size, not yet made: B bands of b rows each, the last one filled up with rows of zeros.

    Attributes:
        wide: (N, h, W, C) float32, at their new width.
        rows: (B, b, h) float32: what each new row takes from each old one; (B, N, b, h) where images differ in that.
        height: H of the new size.
    """

    wide: Array
    rows: Array
    height: int

    def each(self, function: Callable[[Array, Array], Array], beside: Array) -> Array:
        """Returns what a function makes of every band: (maps (N, b, W, C), beside (N, b, W)) to anything, (B, ...).

        One band after the other, so that one is there at a time; under differentiation each is made anew.

        Args:
            function: of one band.
            beside: (N, H, W); of the rows that fill up the last band it is -1.
        """
        bands, height = self.rows.shape[0], self.rows.shape[-2]
        padded = jnp.pad(beside, ((0, 0), (0, bands * height - self.height), (0, 0)), constant_values=-1)
        split = jnp.moveaxis(padded.reshape(len(beside), bands, height, -1), 1, 0)
        one = jax.checkpoint(lambda rows, own: function(_tall(self.wide, rows), own))
        if bands == 1:  # loops are slow on CPUs
            return one(self.rows[0], split[0])[None]
        return jax.lax.map(lambda band: one(*band), (self.rows, split))


def in_bands(maps: Array, size: tuple[int, int], *, align_corners: bool, most: int = MOST) -> Bands:
    """Returns maps (N, h, w, C) at another size, (H, W), in as few bands as have `most` numbers at most, or one row."""
    wide = _wide(maps, size[1], align_corners)
    count, height = _cut(size[0], wide, most)
    rows = np.zeros((count * height, maps.shape[1]), np.float32)
    rows[: size[0]] = _weights(maps.shape[1], size[0], align_corners)
    return Bands(wide, jnp.asarray(rows.reshape(-1, height, maps.shape[1])), size[0])


def in_bands_at(
    maps: Array, rows: Array, columns: Array, size: tuple[int, int], *, align_corners: bool, most: int = MOST
) -> Bands:
    """Returns what maps (N, h, w, C) brought to `size` hold at places of each image's own, (N, H, W, C), in bands.

    Args:
        maps: of any float type.
        rows: (N, H) places from 0 to `size[0] - 1`; between two pixels is between them in value.
        columns: (N, W) likewise.
        size: (height, width) that the maps would be brought to.
        align_corners: as for `upsample`.
        most: numbers in a band.
    """
    down, across = (
        _hats(places, old, new, align_corners)
        for places, old, new in zip((rows, columns), maps.shape[1:3], size, strict=True)
    )
    wide = jnp.einsum("njw,nhwc->nhjc", across, maps.astype(jnp.float32), precision="highest")
    count, height = _cut(rows.shape[1], wide, most)
    padded = jnp.pad(down, ((0, 0), (0, count * height - rows.shape[1]), (0, 0)))
    return Bands(wide, jnp.moveaxis(padded.reshape(len(maps), count, height, -1), 1, 0), rows.shape[1])


def _cut(rows: int, wide: Array, most: int) -> tuple[int, int]:
    """How many bands, of how many rows each, have `most` numbers at most, or one row."""
    count = min(-(-rows * wide.shape[0] * wide.shape[2] * wide.shape[3] // most), rows)
    height = -(-rows // count)
    return -(-rows // height), height


def _hats(places: Array, old: int, new: int, align_corners: bool) -> Array:
    """What each place (N, n) takes from each of `old` pixels, which are to be `new` ones, (N, n, old)."""
    if align_corners:
        moved = places * ((old - 1) / max(new - 1, 1))
    else:
        moved = jnp.clip((places + 0.5) * (old / new) - 0.5, 0, old - 1)
    return jnp.maximum(1 - jnp.abs(moved[..., None] - jnp.arange(old)), 0)


def _wide(maps: Array, width: int, align_corners: bool) -> Array:
    columns = jnp.asarray(_weights(maps.shape[2], width, align_corners))
    return jnp.einsum("jw,nhwc->nhjc", columns, maps.astype(jnp.float32), precision="highest")


def _tall(wide: Array, rows: Array) -> Array:
    return jnp.einsum("ih,nhjc->nijc" if rows.ndim == 2 else "nih,nhjc->nijc", rows, wide, precision="highest")


@functools.cache
def _weights(old: int, new: int, align_corners: bool) -> np.ndarray:
    """What each of `new` pixels takes from each of `old` ones, (new, old) float32; rows add up to 1."""
    if align_corners:
        places = np.arange(new) * ((old - 1) / max(new - 1, 1))
    else:
        places = np.clip((np.arange(new) + 0.5) * (old / new) - 0.5, 0, old - 1)
    low = np.minimum(np.floor(places).astype(int), old - 1)
    share = places - low
    made, every = np.zeros((new, old), np.float64), np.arange(new)
    np.add.at(made, (every, low), 1 - share)
    np.add.at(made, (every, np.minimum(low + 1, old - 1)), share)
    return made.astype(np.float32)
