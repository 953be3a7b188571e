"""Noise that treats every grey level by itself: Gaussian, shot, impulse, speckle.

Whatever the noise, a level becomes another with a probability that only the two determine. So each noise is a 256 x 256
matrix, exact and made once, and to draw is to look up one 32-bit word in a table (the alias method: Walker 1977),
however long the noise's formula is: no normals and no Poisson numbers are drawn.
"""

import functools
from collections.abc import Callable

import numpy as np
from scipy import special

from sbn.data.corruptions.stream import Stream

_LEVELS = np.arange(256)


def gaussian_levels(sigma: float) -> np.ndarray:
    """Returns P[before, after] of u + N(0, sigma), u = before / 255; (256, 256) float64, rows sum to 1."""
    return _normal_levels(np.full(256, sigma))


def speckle_levels(sigma: float) -> np.ndarray:
    """Returns P[before, after] of u + u * N(0, sigma)."""
    return _normal_levels(sigma * _LEVELS / 255)


def _normal_levels(sigmas: np.ndarray) -> np.ndarray:
    """After is at most j where the value stays below (j + 1) / 255; the last level takes the rest."""
    below = (np.arange(1, 256) - _LEVELS[:, None]) / 255
    with np.errstate(divide="ignore"):  # black has no speckle: its distances are infinitely many deviations
        return _differences(special.ndtr(below / sigmas[:, None]))


def shot_levels(photons: float) -> np.ndarray:
    """Returns P[before, after] of Poisson(u * photons) / photons."""
    counts = np.arange(int(photons) + 1)
    # floating point decides whether a count whose level is a whole number stays there: this is the release's expression
    level = (np.clip(counts / photons, 0, 1) * 255).astype(np.uint8)
    last = np.searchsorted(level, np.arange(255), side="right") - 1  # the largest count of at most this level
    return _differences(special.pdtr(last, _LEVELS[:, None] / 255 * photons))


def impulse_levels(amount: float) -> np.ndarray:
    """Returns P[before, after] of salt and pepper: with probability `amount` white or black, as likely."""
    matrix = (1 - amount) * np.eye(256)
    matrix[:, [0, 255]] += amount / 2
    return matrix


def _differences(cumulative: np.ndarray) -> np.ndarray:
    """Returns the steps of (256, 255) cumulative probabilities of the levels 0 to 254."""
    return np.diff(cumulative, axis=1, prepend=0.0, append=1.0)


LEVELS: dict[str, Callable[[float], np.ndarray]] = {
    "gaussian_noise": gaussian_levels,
    "shot_noise": shot_levels,
    "impulse_noise": impulse_levels,
    "speckle_noise": speckle_levels,
}


@functools.cache
def alias_table(kind: str, strength: float) -> np.ndarray:
    """Returns how a noise is drawn: entry 256 * before + column is 256 * threshold + alias, (65536,) uint32.

    A word's top 8 bits choose a column, its other 24 stand below the threshold, and `after` is the column, or do not,
    and it is the alias. Probabilities are those of the matrix to 2**-32 a column, and what is impossible stays so.
    """
    weights = LEVELS[kind](strength) * 256
    keep, alias = np.ones((256, 256)), np.tile(_LEVELS, (256, 1))
    settled = np.zeros((256, 256), bool)
    for _ in range(255):  # fill the emptiest column from the fullest, in all rows at once
        low = np.where(settled, np.inf, weights).argmin(axis=1)
        high = np.where(settled, -np.inf, weights).argmax(axis=1)
        keep[_LEVELS, low], alias[_LEVELS, low] = weights[_LEVELS, low], high
        weights[_LEVELS, high] -= 1 - weights[_LEVELS, low]
        settled[_LEVELS, low] = True
    threshold = np.rint(np.clip(keep, 0, 1) * 2**24).clip(max=2**24 - 1).astype(np.uint32)
    return ((threshold << 8) | alias.astype(np.uint32)).reshape(-1)


def draw(stream: Stream, side: int, *_: float) -> tuple[np.ndarray]:
    """Returns one word a channel of every pixel, (N, side, side, 3) uint32."""
    return (stream.words(3 * side * side).reshape(-1, side, side, 3),)


def noise(images: np.ndarray, words: np.ndarray, strength: float, *, kind: str) -> np.ndarray:
    """Returns images (N, H, W, 3) uint8 with noise.

    Args:
        images: (N, H, W, 3) uint8.
        words: (N, H, W, 3) uint32, the draws.
        strength: sigma, photons or amount: the argument of the type's entry in `LEVELS`.
        kind: one of `LEVELS`.
    """
    entry = alias_table(kind, strength).take((images.astype(np.uint32) << 8) | (words >> 24))
    return np.where((words & 0xFFFFFF) < entry >> 8, words >> 24, entry).astype(np.uint8)
