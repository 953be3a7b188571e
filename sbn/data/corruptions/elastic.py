"""Elastic transforms: an affine warp that moves three points, then a smooth random displacement (Simard et al. 2003)."""

import numpy as np

from sbn.data.corruptions.blur import smooth
from sbn.data.corruptions.levels import truncated, unit
from sbn.data.corruptions.stream import Stream

_FINE = 32  # the affine warp interpolates between 32 places a pixel, as OpenCV's does


def draw_elastic(stream: Stream, side: int, *_: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns numbers in [-1, 1): how the points move (N, 3, 2), and right and down before smoothing (N, 2, S, S)."""
    moves = 2 * stream.uniform(6) - 1
    fields = 2 * stream.uniform(2 * side**2, start=6) - 1
    return moves.reshape(-1, 3, 2), fields.reshape(-1, 2, side, side)


def elastic_transform(
    images: np.ndarray, moves: np.ndarray, fields: np.ndarray, alpha: float, sigma: float, jitter: float
) -> np.ndarray:
    """Returns images warped.

    Args:
        images: (N, S, S, 3) uint8.
        moves: (N, 3, 2) in [-1, 1): how far, in units of `jitter`, each of three points moves right and down.
        fields: (N, 2, S, S) in [-1, 1): displacements right and down before smoothing.
        alpha: pixels a unit of the smoothed displacement.
        sigma: of the Gaussian that smooths, in pixels.
        jitter: pixels.
    """
    warped = affine(unit(images).astype(np.float32), affine_matrix(images.shape[1], jitter * moves))
    right, down = (
        (smooth(fields[:, axis], sigma, mode="reflect", truncate=3) * alpha).astype(np.float32) for axis in (0, 1)
    )
    return truncated(displaced(warped, right, down))


def affine_matrix(side: int, moves: np.ndarray) -> np.ndarray:
    """Returns for moves (N, 3, 2) of the three points the inverse maps, (N, 2, 3): from places (x, y, 1) to origins."""
    middle, reach = side // 2, side // 3
    points = np.float32(middle + reach * np.array([[1, 1], [1, -1], [-1, -1]]))
    ends = (points + moves.astype(np.float32)).astype(np.float64)
    # rows (x, y, 1) of where the points end, times the map, are where they began
    homogeneous = np.concatenate([ends, np.ones((*ends.shape[:2], 1))], axis=-1)
    return np.linalg.solve(homogeneous, np.broadcast_to(points.astype(np.float64), ends.shape)).swapaxes(1, 2)


def affine(images: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Returns images (N, S, S, 3) float32 whose pixel at (x, y) is that at `matrices` (N, 2, 3) @ (x, y, 1).

    Between pixels in 1/32 steps bilinear; beyond the edge mirrored about the edge pixel.
    """
    side = images.shape[1]
    across = np.arange(side)
    # in 1/1024, rounded in x and in y and cut to 1/32: whole numbers as OpenCV's, so that the interpolation is its own
    along = np.rint(matrices[:, :, 0, None] * across * 1024)[:, :, None, :]
    start = np.rint((matrices[:, :, 1, None] * across + matrices[:, :, 2, None]) * 1024)[:, :, :, None]
    places = (along + start).astype(int) + 16 >> 5
    first, fine = places >> 5, (places & 31).astype(np.float32) / _FINE
    (a, b), (c, d) = _corners(images, mirrored(first, side), mirrored(first+1, side))
    x, y = np.moveaxis(fine, 1, 0)[..., None]
    return a * ((1 - y) * (1 - x)) + b * ((1 - y) * x) + c * (y * (1 - x)) + d * (y * x)


def displaced(images: np.ndarray, right: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Returns images (N, S, S, 3) float32 whose pixel at (x, y) is that at (x + right, y + down), bilinear.

    Beyond the edge as SciPy 1.0 had it, which made the release: the place is mirrored about the image's border, or, in
    the half-open pixel above and left of it, moved so that interpolation is between the first two pixels.
    """
    side = images.shape[1]
    across = np.arange(side)
    places = np.stack([right + across.astype(np.float64), down + across[:, None].astype(np.float64)], axis=1)
    places = np.where(places < 0, -places - 1, places)
    places = np.where(places >= side, 2*side - 1 - places, places)
    first = np.floor(places)
    (a, b), (c, d) = _corners(images, mirrored(first.astype(int), side), mirrored(first.astype(int)+1, side))
    (x0,y0) = np.moveaxis(1 - (places-first), 1, 0)[..., None]
    (x1,y1) = np.moveaxis(1 - (first+1-places), 1, 0)[..., None]
    return (a * y0 * x0 + b * y0 * x1 + c*y1*x0 + d*y1*x1).astype(np.float32)


def mirrored(index: np.ndarray, side: int) -> np.ndarray:
    return side - 1 - np.abs(index % (2 * side - 2) - (side - 1))


def _corners(images, first, second):
    count, side = images.shape[:2]
    pixels = images.reshape(-1, 3)
    base = (side**2 * np.arange(count))[:, None, None]
    (left, top), (right, bottom) = (np.moveaxis(index, 1, 0) for index in (first, second))
    return tuple(tuple(pixels[base+side*y+x] for x in (left,right)) for y in (top,bottom))
