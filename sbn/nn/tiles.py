"""Large images in overlapping tiles: what a network says of each is averaged where tiles overlap (PSPNet's code)."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

Array = jax.Array


def corners(side: int, tile: int) -> list[int]:
    """Returns where tiles begin along a side: neighbours overlap by a third or more, and the last one ends with it."""
    stride = max(tile * 2 // 3, 1)
    return sorted({min(start, side - tile) for start in range(0, max(side - tile + stride, 1), stride)})


def by_tiles(function: Callable[[Array], Array], images: Array, *, tile: int, channels: int) -> Array:
    """Returns the mean of what a function makes of the tiles that cover each pixel, (N, H, W, C) float32.

    Args:
        function: (N, tile, tile, 3) to (N, tile, tile, C); along a side that is shorter, tiles are as long as it.
        images: (N, H, W, 3).
        tile: their side.
        channels: C.
    """
    height, width = (min(tile, side) for side in images.shape[1:3])
    total = jnp.zeros((*images.shape[:3], channels), jnp.float32)
    count = jnp.zeros((1, *images.shape[1:3], 1), jnp.float32)
    for top in corners(images.shape[1], height):
        for left in corners(images.shape[2], width):
            rows, columns = slice(top, top + height), slice(left, left + width)
            total = total.at[:, rows, columns].add(function(images[:, rows, columns]))
            count = count.at[:, rows, columns].add(1)
    return total / count
