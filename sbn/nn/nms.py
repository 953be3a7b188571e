"""Non-maximum suppression with static shapes: equal to the greedy algorithm, in a few dense steps.

The greedy algorithm takes boxes by falling score, and strikes out every later one that overlaps a box that it took.
Here the first boxes that are neither taken nor struck out, in that order, make a tile. Within it, "kept unless a kept
one before it overlaps" is repeated until nothing changes: since a box depends on earlier ones alone, the fixed point is
unique, and is the greedy answer. What the tile keeps strikes out later boxes, and of what is left the next tile is
made: the more boxes overlap, the fewer tiles there are. Memory is tile x boxes, not boxes x boxes.
"""

import jax
import jax.numpy as jnp
import numpy as np

from sbn.nn.boxes import overlaps

Array = jax.Array
TILE = 128  # of 64, 128 and 256 the fastest on CPUs, by a little (`benchmarks/detection.py`)


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
    count, tile = len(boxes), min(TILE, len(boxes))
    valid = jnp.ones(count, bool) if valid is None else valid
    order = jnp.argsort(jnp.where(valid, -scores, jnp.inf), stable=True)
    boxes = boxes[order]
    limit = threshold if isinstance(threshold, jax.Array) else _at_most(threshold)
    later = jnp.arange(tile)[:, None] < jnp.arange(tile)[None, :]

    def one_tile(state: tuple[Array, Array]) -> tuple[Array, Array]:
        pending, kept = state
        (places,) = jnp.nonzero(pending, size=tile, fill_value=count)
        own = boxes.at[places].get(mode="fill", fill_value=0)
        chosen = _fixed_point(places < count, (overlaps(own, own) > limit) & later)
        struck = (chosen[:, None] & (overlaps(own, boxes) > limit)).any(axis=0)
        decided = (pending & ~struck).at[places].set(False, mode="drop")
        return decided, kept.at[places].set(chosen, mode="drop")

    nothing = jnp.zeros(count, bool)
    _, kept = jax.lax.while_loop(lambda state: state[0].any(), one_tile, (valid[order], nothing))
    return nothing.at[order].set(kept)


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
