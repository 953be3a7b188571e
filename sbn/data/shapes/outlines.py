"""The ten classes as signed distances: negative inside, positive outside, in units of the shape's own radius.

Every outline takes x, y of any one shape, float32, y downwards, and fits in the unit disc. Distances are
exact along straight edges and arcs, which is where anti-aliasing reads them, and a lower bound beyond corners.
"""

import math
from collections.abc import Callable
from typing import Final

import numpy as np

Outline = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _edges(x: np.ndarray, y: np.ndarray, sides: int, inner: float) -> list[np.ndarray]:
    """Distances to the `sides` lines that touch a circle of radius `inner`, the first below the centre."""
    angles = [math.pi / 2 + 2 * math.pi * k / sides for k in range(sides)]
    return [x * np.float32(math.cos(a)) + (y * np.float32(math.sin(a)) - np.float32(inner)) for a in angles]


def _box(x: np.ndarray, y: np.ndarray, half_width: float, half_height: float) -> np.ndarray:
    return np.maximum(np.abs(x) - np.float32(half_width), np.abs(y) - np.float32(half_height))


def _disc(x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    return np.sqrt(x * x + y * y) - np.float32(radius)


def disc(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Draw a full disc."""
    return _disc(x, y, 0.82)


def square(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Draw a square."""
    return _box(x, y, 0.7, 0.7)


def triangle(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Draw an equilateral triangle: inside three lines."""
    a, b, c = _edges(x, y, 3, 0.5)
    return np.maximum(np.maximum(a, b), c)


def star(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Draw a pentagram: inside at least four of its five lines, so the second largest distance counts."""
    first, *rest = _edges(x, y, 5, 0.31)
    second = np.full_like(first, -np.inf)
    for edge in rest:
        second = np.maximum(second, np.minimum(first, edge))
        first = np.maximum(first, edge)
    return second


def cross(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Draw a plus sign: two bars."""
    return np.minimum(_box(x, y, 0.93, 0.31), _box(x, y, 0.31, 0.93))


def ring(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Draw a ring."""
    return np.abs(_disc(x, y, 0.64)) - np.float32(0.22)


def crescent(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Draw a moon: a disc without a smaller one."""
    return np.maximum(_disc(x, y, 0.95), -_disc(x - np.float32(0.42), y, 0.68))


def hexagon(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Draw a regular hexagon: inside three strips."""
    h = np.float32(0.8)
    slant = x * np.float32(math.cos(math.pi / 6))
    half = y * np.float32(0.5)
    return np.maximum(np.maximum(np.abs(slant + half), np.abs(slant - half)), np.abs(y)) - h


def arrow(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Draw an arrow that points up: a shaft and a head."""
    slope = np.float32(math.sqrt(0.5))
    head = np.maximum(slope * (np.abs(x) - y - np.float32(0.95)), y + np.float32(0.15))
    return np.minimum(head, _box(x, y - np.float32(0.35), 0.26, 0.6))


def heart(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Draw a heart: a square on its corner under two discs."""
    x, y = np.abs(x), y - np.float32(0.08)
    side = 0.52  # half the square's side; the discs sit on the middles of its upper sides
    half = math.sqrt(0.5)
    corner = np.maximum(np.abs(x + y), np.abs(x - y)) * np.float32(half) - np.float32(side)
    return np.minimum(corner, _disc(x - np.float32(side * half), y + np.float32(side * half), side))


OUTLINES: Final[dict[str, Outline]] = {
    "disc": disc, "square": square, "triangle": triangle, "star": star, "cross": cross,
    "ring": ring, "crescent": crescent, "hexagon": hexagon, "arrow": arrow, "heart": heart,
}  # fmt: skip

NAMES: Final = tuple(OUTLINES)


def distance(labels: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Signed distance of each image's shape. labels: (n,), x and y: (n, H, W); returns (n, H, W) float32."""
    out = np.empty_like(x)
    for k, outline in enumerate(OUTLINES.values()):
        (rows,) = np.nonzero(labels == k)
        if len(rows):
            out[rows] = outline(x[rows], y[rows])
    return out
