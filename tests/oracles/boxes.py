"""Where a box goes, pixel by pixel: a rectangle is filled, the image goes through the ops, the rectangle is found."""

import numpy as np

from tests.oracles.image_ops import run


def around(shown):
    """The smallest box around the True pixels of (H, W): (y0, x0, y1, x1), half-open; zeros where there are none."""
    rows, columns = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
    return (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1) if len(rows) else (0, 0, 0, 0)


def moved(box, size, pipeline, **address):
    """The box after a pipeline of ops that fill with black, if at all: of white pixels on black."""
    top, left, bottom, right = box
    image = np.zeros((*size, 3), np.uint8)
    image[top:bottom, left:right] = 255
    return around(run(image, pipeline, **address)[..., 0] > 127)


def some(count, each, size, seed=0):
    """(count, each, 4) whole-numbered boxes inside images of a size, the last of each image none."""
    rng = np.random.default_rng(seed)
    (top, bottom), (left, right) = (np.sort(rng.integers(0, side + 1, (2, count, each)), axis=0) for side in size)
    boxes = np.stack([top, left, bottom, right], axis=-1).astype(np.float32)
    boxes[(bottom == top) | (right == left)] = 0
    boxes[:, -1] = 0
    return boxes
