"""Canny's edges and the distance from them, as OpenCV computes both: spatter's drops are shaded by them."""

import numpy as np
from scipy import ndimage

_TAN_22 = 13573  # tan(22.5 degrees) in 1/2**15
_EIGHT_NEIGHBOURS = np.zeros((3, 3, 3), bool)
_EIGHT_NEIGHBOURS[1] = True


def canny(images: np.ndarray, low: int, high: int) -> np.ndarray:
    """Returns where edges are (Canny 1986): 3 x 3 Sobel, sizes |dx| + |dy|, hysteresis.

    Args:
        images: (N, H, W) uint8.
        low: a ridge of the gradient above it is an edge if it is connected with one above `high`.
        high: a ridge above it is an edge.

    Returns:
        (N, H, W) bool.
    """
    padded = np.pad(images.astype(np.int32), ((0, 0), (1, 1), (1, 1)), mode="edge")
    across = padded[:, :, 2:] - padded[:, :, :-2]
    dx = across[:, :-2] + 2 * across[:, 1:-1] + across[:, 2:]
    along = padded[:, 2:] - padded[:, :-2]
    dy = along[:, :, :-2] + 2 * along[:, :, 1:-1] + along[:, :, 2:]
    size = np.abs(dx) + np.abs(dy)
    around = np.pad(size, ((0, 0), (1, 1), (1, 1)))

    def at(down: int, right: int) -> np.ndarray:
        return around[:, 1 + down : 1 + down + size.shape[1], 1 + right : 1 + right + size.shape[2]]

    flat, steep = np.abs(dx), np.abs(dy) << 15
    horizontal = steep < flat * _TAN_22
    vertical = steep > flat * (_TAN_22 + (1 << 16))  # tan(67.5) = tan(22.5) + 2
    falling = np.where((dx ^ dy) < 0, (size > at(-1, 1)) & (size > at(1, -1)), (size > at(-1, -1)) & (size > at(1, 1)))
    ridge = np.where(vertical, (size > at(-1, 0)) & (size >= at(1, 0)), falling)
    ridge = np.where(horizontal, (size > at(0, -1)) & (size >= at(0, 1)), ridge)
    candidates = ridge & (size > low)
    regions, number = ndimage.label(candidates, _EIGHT_NEIGHBOURS)
    strong = np.zeros(number + 1, bool)
    strong[regions[candidates & (size > high)]] = True
    return strong[regions]


# Of the neighbours that a sweep from the upper left has seen: down, right, and the distance in 1/2**16.
_ABOVE = [(-1, 0, 2**16)]
_ABOVE += [(-1, right, round(1.4 * 2**16)) for right in (-1, 1)]
_ABOVE += [(down, right, round(2.1969 * 2**16)) for down, right in ((-2, -1), (-2, 1), (-1, -2), (-1, 2))]
_FAR = 2**30  # more than any distance in an image


def distance(edges: np.ndarray) -> np.ndarray:
    """Returns how far each pixel is from the nearest edge, by a 5 x 5 chamfer of 1, 1.4, 2.1969 (Borgefors 1986).

    Args:
        edges: (N, H, W) bool.

    Returns:
        (N, H, W) float32, in pixels; many thousands in images without edges.
    """
    far = np.where(edges, 0, _FAR)
    for _ in range(2):  # from the upper left, then, the image turned, from the lower right
        padded = np.pad(far, ((0, 0), (2, 0), (2, 2)), constant_values=_FAR)
        height, width = far.shape[1:]
        ramp = np.arange(width) * 2**16
        for row in range(height):
            here = padded[:, row + 2, 2 : 2 + width]
            for down, right, length in _ABOVE:
                np.minimum(here, padded[:, row + 2 + down, 2 + right : 2 + right + width] + length, out=here)
            # along the row a step costs 1: the least so far of what is left after subtracting the way
            here[:] = np.minimum.accumulate(here - ramp, axis=1) + ramp
        far = padded[:, 2:, 2:-2][:, ::-1, ::-1]
    return far.astype(np.float32) / np.float32(2**16)
