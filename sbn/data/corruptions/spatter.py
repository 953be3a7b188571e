"""Spatter: drops of water or splashes of mud on the lens, shaded by how far a pixel is from the edge of its drop.

Edges (Canny) and distances are as OpenCV computes both.
"""

import numpy as np
from scipy import ndimage

from sbn.data.corruptions.blur import smooth
from sbn.data.corruptions.images import truncated, unit
from sbn.data.corruptions.stream import Stream

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


_WATER = (np.array([175, 238, 238]) / 255).astype(np.float32)  # pale turquoise
_MUD = (np.array([63, 42, 20]) / 255).astype(np.float32)
_EMBOSS = (-2, -1, 0, -1, 1, 1, 0, 1, 2)  # weights of the 3 x 3 neighbours, row by row


def draw_spatter(stream: Stream, side: int, *_: float) -> tuple[np.ndarray]:
    """Returns standard normals, (N, side, side)."""
    return (stream.normal(side**2).reshape(-1, side, side),)


def spatter(
    images: np.ndarray,
    drops: np.ndarray,
    mean: float,
    deviation: float,
    sigma: float,
    threshold: float,
    amount: float,
    mud: int,
) -> np.ndarray:
    """Returns images seen through a wet or muddy lens.

    Args:
        images: (N, S, S, 3) uint8.
        drops: (N, S, S) standard normals.
        mean: of the liquid before the threshold.
        deviation: of it.
        sigma: of the Gaussian that makes drops of it.
        threshold: below it there is no liquid.
        amount: of water the greatest opacity; of mud the sigma of the Gaussian that softens it.
        mud: 1 for mud, 0 for water.
    """
    liquid = smooth(mean + deviation * drops, sigma)
    liquid[liquid < threshold] = 0
    scene = unit(images).astype(np.float32)
    if mud:
        opacity = smooth((liquid > threshold).astype(np.float64), amount)
        opacity[opacity < 0.8] = 0
        opacity = opacity[..., None]
        return truncated((scene * (1 - opacity)).astype(np.float32) + (opacity * _MUD).astype(np.float32))
    depth = (liquid * 255).astype(np.uint8)
    shade = depth * shading(depth)
    brightest = shade.max(axis=(1, 2), keepdims=True)
    opacity = shade / np.where(brightest == 0, 1, brightest) * np.float32(amount)  # no drop, no water
    return truncated(scene + opacity[..., None] * _WATER)


def shading(depth: np.ndarray) -> np.ndarray:
    """Returns how light falls on drops of `depth` (N, S, S) uint8: (N, S, S) float32, whole numbers 0 to 255."""
    far = distance(canny(depth, 50, 150))
    near = _mean_of_nine(np.minimum(far, 20).astype(np.float64)).astype(np.float32)
    even = equalised(near.astype(np.uint8)).astype(np.int32)
    embossed = np.zeros_like(even)
    for weight, part in zip(_EMBOSS, _nine(even), strict=True):
        embossed += weight * part
    return np.rint(_mean_of_nine(np.clip(embossed, 0, 255))).astype(np.float32)


def equalised(images: np.ndarray) -> np.ndarray:
    """Returns images (N, S, S) uint8 with an even histogram, as OpenCV makes it: the least level becomes 0."""
    count = len(images)
    places = images.reshape(count, -1) + 256 * np.arange(count)[:, None]
    histogram = np.bincount(places.reshape(-1), minlength=256 * count).reshape(count, 256)
    lowest = images.reshape(count, -1).min(axis=1)
    least = histogram[np.arange(count), lowest]
    rest = places.shape[1] - least
    above = np.cumsum(histogram, axis=1) - least[:, None]
    scale = np.float32(255) / np.maximum(rest, 1).astype(np.float32)
    levels = np.clip(np.rint(above.astype(np.float32) * scale[:, None]), 0, 255)
    levels = np.where((rest == 0)[:, None], np.arange(256), levels)  # of one level throughout: as it is
    return levels.astype(np.uint8).reshape(-1)[places].reshape(images.shape)


def _nine(images: np.ndarray) -> list[np.ndarray]:
    """Returns the 3 x 3 neighbours of every pixel, row by row, mirrored about the edge pixels."""
    height, width = images.shape[1:]
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)), mode="reflect")
    return [padded[:, row : row + height, column : column + width] for row in range(3) for column in range(3)]


def _mean_of_nine(images: np.ndarray) -> np.ndarray:
    return np.sum(_nine(images), axis=0) * (1 / 9)
