"""Spatter: drops of water or splashes of mud on the lens."""

import numpy as np

from sbn.data.corruptions import edges
from sbn.data.corruptions.blur import smooth
from sbn.data.corruptions.levels import truncated, unit
from sbn.data.corruptions.stream import Stream

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
    far = edges.distance(edges.canny(depth, 50, 150))
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
