"""Bilinear resizing of maps, as two products with constant matrices: exact, and cheap on accelerators."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

Array = jax.Array


def upsample(maps: Array, size: tuple[int, int], *, align_corners: bool) -> Array:
    """Returns maps (N, h, w, C) at another size, (N, H, W, C) float32, at least as large.

    Args:
        maps: of any float type.
        size: (H, W).
        align_corners: the middles of the corner pixels stay where they are (PSPNet's code); otherwise the borders do.
    """
    rows, columns = (
        jnp.asarray(_weights(old, new, align_corners)) for old, new in zip(maps.shape[1:3], size, strict=True)
    )
    tall = jnp.einsum("ih,nhwc->niwc", rows, maps.astype(jnp.float32), precision="highest")
    return jnp.einsum("jw,niwc->nijc", columns, tall, precision="highest")


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
