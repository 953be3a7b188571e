"""Anchors: the reference boxes of a region proposal network, and which objects they stand for (Ren et al. 2015)."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

Array = jax.Array
NEGATIVE, IGNORED = -1, -2


def make_anchors(
    sizes: Sequence[tuple[int, int]],
    strides: Sequence[tuple[float, float]],
    sides: Sequence[float],
    *,
    ratios: Sequence[float] = (0.5, 1.0, 2.0),
    rounded: bool = False,
) -> np.ndarray:
    """Returns the anchors of all levels of a pyramid, (A, 4) float32: by level, then row, column and ratio.

    Their centres lie at multiples of the strides, without half a pixel, as in the released codes of 2019.

    Args:
        sizes: (height, width) of each level's map.
        strides: of each level in pixels of the image, down and across.
        sides: square root of the area of each level's anchors, in pixels.
        ratios: of height to width.
        rounded: to whole pixels before they are moved to their centres, as torchvision's.
    """
    levels = []
    for (height, width), (down, across), side in zip(sizes, strides, sides, strict=True):
        roots = np.sqrt(np.asarray(ratios, np.float64))
        halves = np.stack([side * roots, side / roots], axis=-1) / 2  # (ratios, 2): h, w
        base = np.concatenate([-halves, halves], axis=-1)
        base = np.round(base) if rounded else base
        rows, columns = np.meshgrid(np.arange(height) * down, np.arange(width) * across, indexing="ij")
        centres = np.stack([rows, columns, rows, columns], axis=-1)[..., None, :]
        levels.append((centres + base).reshape(-1, 4))
    return np.concatenate(levels).astype(np.float32)


def match(
    overlap: Array,
    there: Array,
    *,
    positive: float,
    negative: float,
    best_from: float | None = None,
    best_to_own: bool = False,
) -> Array:
    """Returns which object each reference box stands for, (A,) int32: its number, `NEGATIVE` or `IGNORED`.

    Args:
        overlap: (A, M) of reference boxes and objects.
        there: (M,) bool; False for slots without an object.
        positive: a box stands for the object that it overlaps most, if by as much as this.
        negative: a box that overlaps no object by as much as this is negative; what is between is ignored.
        best_from: the boxes that overlap an object most, and by as much as this, stand for it, too; None: they don't.
            mmdetection's limit is 0.3, torchvision's 0.
        best_to_own: such a box stands for the object that itself overlaps most (torchvision), not for the one whose
            best it is (mmdetection; of several the last).
    """
    if not overlap.shape[1]:
        return jnp.full(len(overlap), NEGATIVE, jnp.int32)
    overlap = jnp.where(there, overlap, -1.0)
    own, most = overlap.argmax(axis=1).astype(jnp.int32), overlap.max(axis=1)
    found = jnp.where(most >= positive, own, jnp.where(most < negative, NEGATIVE, IGNORED))
    if best_from is None:
        return found
    best = overlap.max(axis=0)  # (M,), of every object
    ties = (overlap == best) & there & (best >= best_from)
    if not best_from:  # no overlap at all is no match, whatever the limit
        ties &= best > 0
    last = overlap.shape[1] - 1 - ties[:, ::-1].argmax(axis=1).astype(jnp.int32)
    return jnp.where(ties.any(axis=1), own if best_to_own else last, found)


def sample(key: Array, found: Array, *, count: int, positives: int) -> tuple[Array, Array]:
    """Returns reference boxes drawn to train on: their places (count,) int32, and which slots are used (count,) bool.

    At most `positives` are positive; negative ones fill up the rest. Every box has the same chance among its kind.

    Args:
        key: of the draws.
        found: (A,) of `match`.
        count: of slots.
        positives: the most that may be positive.
    """
    size = len(found)
    draws = jax.random.uniform(key, (size,))
    first, is_first = _drawn(draws, found >= 0, min(positives, size))
    second, is_second = _drawn(draws, found == NEGATIVE, min(count, size))
    is_second &= jnp.arange(len(second)) < count - is_first.sum()
    places, used = jnp.concatenate([first, second]), jnp.concatenate([is_first, is_second])
    slots = jnp.argsort(~used, stable=True)[:count]
    missing = max(count - len(slots), 0)
    return jnp.pad(places[slots], (0, missing)), jnp.pad(used[slots], (0, missing))


def _drawn(draws: Array, among: Array, count: int) -> tuple[Array, Array]:
    """The `count` highest draws among some: places, and whether there were so many."""
    values, places = jax.lax.top_k(jnp.where(among, draws, -1.0), count)
    return places.astype(jnp.int32), values >= 0
