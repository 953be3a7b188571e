"""Arithmetic of boxes on arrays: overlap, and boxes as offsets from reference boxes.

Boxes are (..., 4) float32, (y0, x0, y1, x1) in pixels, half-open: their height is y1 - y0. PASCAL VOC's inclusive
pixels are read as x0 - 1 and x1, so that overlaps are those of its development kit, which adds 1 to every side.
"""

import jax
import jax.numpy as jnp
import numpy as np

Array = jax.Array
# Sides shrink and grow by a factor of 1000 / 16 at most: what a network gives at first would overflow otherwise
LARGEST = float(np.log(1000 / 16))


def areas(boxes: Array) -> Array:
    """Returns the areas (...) of boxes (..., 4), in square pixels; 0 for those turned inside out."""
    sides = jnp.maximum(boxes[..., 2:] - boxes[..., :2], 0)
    return sides[..., 0] * sides[..., 1]


def overlaps(a: Array, b: Array) -> Array:
    """Returns the intersection over the union of every pair, (..., A, B); 0 where neither box has an area.

    Args:
        a: (..., A, 4).
        b: (..., B, 4).
    """
    # Coordinate by coordinate, so that compilers work on rows of B numbers: with y and x side by side, CPUs take ten
    # times as long.
    first, second = ([boxes[..., k] for k in range(4)] for boxes in (a, b))
    up, left, down, right = ((one[..., :, None], other[..., None, :]) for one, other in zip(first, second, strict=True))
    height = jnp.maximum(jnp.minimum(*down) - jnp.maximum(*up), 0)
    width = jnp.maximum(jnp.minimum(*right) - jnp.maximum(*left), 0)
    common = height * width
    union = areas(a)[..., :, None] + areas(b)[..., None, :] - common
    return jnp.where(union > 0, common / jnp.where(union > 0, union, 1), 0)


def encode(boxes: Array, references: Array, *, deviations: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)) -> Array:
    """Returns boxes as offsets (..., 4) from reference boxes (Girshick et al. 2014, appendix C).

    (dy, dx) are those of the centres in units of the reference's sides, (dh, dw) logarithms of the ratios of the sides.

    Args:
        boxes: (..., 4), with an area.
        references: (..., 4), with an area.
        deviations: what every offset is divided by.
    """
    centres, sides = _centred(boxes)
    middle, lengths = _centred(references)
    offsets = jnp.concatenate([(centres - middle) / lengths, jnp.log(sides / lengths)], axis=-1)
    return offsets / jnp.asarray(deviations, offsets.dtype)


def decode(
    offsets: Array,
    references: Array,
    *,
    deviations: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0),
    limits: tuple[float, float] = (-LARGEST, LARGEST),
) -> Array:
    """Returns the boxes (..., 4) that offsets from reference boxes stand for, the inverse of `encode`.

    Args:
        offsets: (..., 4).
        references: (..., 4).
        deviations: as for `encode`.
        limits: of the logarithms of the ratios of the sides. torchvision has an upper one alone.
    """
    offsets = offsets * jnp.asarray(deviations, offsets.dtype)
    middle, lengths = _centred(references)
    centres = offsets[..., :2] * lengths + middle
    sides = jnp.exp(jnp.clip(offsets[..., 2:], *limits)) * lengths
    return jnp.concatenate([centres - sides / 2, centres + sides / 2], axis=-1)


def clip(boxes: Array, frame: Array) -> Array:
    """Returns boxes (..., 4) cut off at the border of a frame (..., 4), a box itself."""
    low, high = (jnp.concatenate([corner, corner], axis=-1) for corner in (frame[..., :2], frame[..., 2:]))
    return jnp.clip(boxes, low.astype(boxes.dtype), high.astype(boxes.dtype))


def _centred(boxes: Array) -> tuple[Array, Array]:
    """Centres and sides, (..., 2) each."""
    sides = boxes[..., 2:] - boxes[..., :2]
    return boxes[..., :2] + sides / 2, sides
