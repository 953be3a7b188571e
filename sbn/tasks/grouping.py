"""Which views go through the network together: those of one size."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

Array = jax.Array
# The views of one pass, by index
Group = tuple[int, ...]


def forward_groups(pixels: Array | tuple[Array, ...], *, apart: bool) -> list[tuple[Group, Array]]:
    """Returns the passes of a batch, in the order of their first views.

    Args:
        pixels: (N, K, H, W), or K arrays (N, H, W) of any sizes.
        apart: make every view a pass of its own.

    Returns:
        (indices of the views, (N, views, H, W)) a pass.
    """
    if not isinstance(pixels, tuple):
        if not apart:
            return [(tuple(range(pixels.shape[1])), pixels)]
        pixels = tuple(jnp.moveaxis(pixels, 1, 0))
    groups: dict[object, list[int]] = {}
    for k, view in enumerate(pixels):
        groups.setdefault(k if apart else view.shape, []).append(k)
    return [(tuple(indices), jnp.stack([pixels[k] for k in indices], axis=1)) for indices in groups.values()]


def in_order(passes: Sequence[tuple[Group, tuple[Array, ...]]]) -> tuple[Array, ...]:
    """Puts what passes gave, arrays (N, views of the pass, ...), together along K in the order of the views."""
    if len(passes) == 1:
        return passes[0][1]
    order = np.argsort([k for indices, _ in passes for k in indices])
    return tuple(
        jnp.concatenate(parts, axis=1)[:, order] for parts in zip(*(arrays for _, arrays in passes), strict=True)
    )
