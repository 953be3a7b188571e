"""Non-maximum suppression with static shapes: equal to the greedy algorithm, in a few dense steps.

The greedy algorithm takes boxes by falling score, and strikes out every later one that overlaps a box that it took.
Here boxes, in that order, are cut into tiles. Within a tile, "kept unless a kept one before it overlaps" is repeated
until nothing changes: since a box depends on earlier ones alone, the fixed point is unique, and is the greedy answer.
What a tile keeps then strikes out boxes of all later tiles. Memory is tile x boxes, not boxes x boxes.
"""

import jax
import jax.numpy as jnp
import numpy as np

from sbn.nn.boxes import overlaps

Array = jax.Array
TILE = 256


def non_maximum_suppression(
    boxes: Array, scores: Array, *, threshold: float | Array, valid: Array | None = None
) -> Array:
    """Returns which boxes are kept, (n,) bool.

    Args:
        boxes: (n, 4), y0, x0, y1, x1.
        scores: (n,); of equal ones the first counts as the higher.
        threshold: a box is struck out by a kept one if their overlap is greater.
        valid: (n,) bool; False for slots that hold no box. None: all do.
    """
    count = len(boxes)
    tile = min(TILE, count)
    valid = jnp.ones(count, bool) if valid is None else valid
    order = jnp.argsort(jnp.where(valid, -scores, jnp.inf), stable=True)
    padding = -count % tile
    sorted_boxes = jnp.pad(boxes[order], ((0, padding), (0, 0)))
    alive = jnp.pad(valid[order], (0, padding))
    limit = threshold if isinstance(threshold, jax.Array) else _at_most(threshold)
    place = jnp.arange(count + padding)
    later = jnp.arange(tile)[:, None] < jnp.arange(tile)[None, :]

    def one_tile(number: Array, alive: Array) -> Array:
        start = number * tile
        own = jax.lax.dynamic_slice_in_dim(sorted_boxes, start, tile)
        hits = overlaps(own, sorted_boxes) > limit  # (tile, n)
        inside = jax.lax.dynamic_slice_in_dim(hits, start, tile, axis=1) & later
        kept = _fixed_point(jax.lax.dynamic_slice_in_dim(alive, start, tile), inside)
        struck = (kept[:, None] & hits).any(axis=0) & (place >= start + tile)
        return jax.lax.dynamic_update_slice_in_dim(alive & ~struck, kept, start, axis=0)

    alive = jax.lax.fori_loop(0, (count + padding) // tile, one_tile, alive)
    return jnp.zeros(count, bool).at[order].set(alive[:count])


def _fixed_point(valid: Array, strikes: Array) -> Array:
    """Which of a tile's boxes are kept: valid, and struck out by no kept one; `strikes` is (before, after)."""

    def again(state: tuple[Array, Array]) -> Array:
        kept, before = state
        return (kept != before).any()

    def once(state: tuple[Array, Array]) -> tuple[Array, Array]:
        kept, _ = state
        return valid & ~(kept[:, None] & strikes).any(axis=0), kept

    kept, _ = jax.lax.while_loop(again, once, once((valid, valid)))
    return kept


def _at_most(threshold: float) -> np.float32:
    """The greatest float32 not above the threshold: comparing with it is comparing with the threshold itself."""
    near = np.float32(threshold)
    return near if float(near) <= threshold else np.nextafter(near, np.float32(-np.inf))
