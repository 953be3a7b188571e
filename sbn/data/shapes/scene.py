"""What is where in an image: distances to the object, its occluder and the clutter, before any colour.

Lengths are relative: the image spans [-1, 1] in both directions, so that a scene is the same at any size.
"""

import dataclasses

import numpy as np

from sbn.data.shapes import draws, outlines


@dataclasses.dataclass(frozen=True)
class Scene:
    """The geometry of n images: signed distances in pixels, each (n, H, W) float32, negative inside."""

    keys: np.ndarray  # (n,) uint64
    size: int
    object: np.ndarray
    occluder: np.ndarray  # positive everywhere in images without one
    clutter: tuple[np.ndarray, ...]  # behind the object, the last one on top
    hatch: np.ndarray  # coordinate along the object, in its radii


def between(u: np.ndarray, low: float, high: float) -> np.ndarray:
    """Scale draws in [0, 1) to [low, high). u: any shape, float32."""
    return np.float32(low) + u * np.float32(high - low)


def coverage(distance: np.ndarray) -> np.ndarray:
    """Anti-aliasing: the share of a pixel that lies inside, by its distance in pixels. Any shape, float32."""
    return np.clip(np.float32(0.5) - distance, np.float32(0), np.float32(1))


def wave(phase: np.ndarray) -> np.ndarray:
    """Stand-in for a sine of period 1, made of parabolas: sines differ in the last bit between machines."""
    t = phase - np.floor(phase) - np.float32(0.5)
    return t * (np.float32(0.5) - np.abs(t)) * np.float32(16)


def turn(angle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine of angles in turns, taken in float64: rounded to float32 they agree everywhere."""
    radians = angle.astype(np.float64) * (2 * np.pi)
    return np.cos(radians).astype(np.float32), np.sin(radians).astype(np.float32)


def project(size: int, x: np.ndarray, y: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Evaluate x * u + y * v + offset at pixel centres (u, v). x, y, offset: (n,); (n, size, size)."""
    centres = (np.arange(size, dtype=np.float32) * np.float32(2) + np.float32(1 - size)) / np.float32(size)
    across = x[:, None, None] * centres[None, None, :]
    return across + (y[:, None, None] * centres[None, :, None] + offset[:, None, None])


def frame(size: int, centre: np.ndarray, *, angle: np.ndarray, radii: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixel centres in a shape's own coordinates: two arrays of (n, size, size).

    centre, radii: (n, 2) as x, y; angle: (n,) in turns.
    """
    cos, sin = turn(angle)
    u, v = centre.T
    ax, ay, bx, by = cos / radii[:, 0], sin / radii[:, 0], -sin / radii[:, 1], cos / radii[:, 1]
    return project(size, ax, ay, -(ax * u + ay * v)), project(size, bx, by, -(bx * u + by * v))


def lattice(keys: np.ndarray, size: int, cells: int) -> np.ndarray:
    """Smooth noise in [-1, 1): random values on a lattice, joined by cubics. keys: (n,); (n, size, size)."""
    values = between(draws.uniform(keys, "lattice", (cells + 1) ** 2), -1, 1)
    nodes = values.reshape(-1, cells + 1, cells + 1)
    position = (np.arange(size, dtype=np.float32) + np.float32(0.5)) * np.float32(cells) / np.float32(size)
    left = position.astype(np.int64)
    t = position - left.astype(np.float32)
    t = t * t * (np.float32(3) - np.float32(2) * t)
    rows = nodes[:, left] + (nodes[:, left + 1] - nodes[:, left]) * t[:, None]
    before = rows[:, :, left]
    return before + (rows[:, :, left + 1] - before) * t


def make_scene(keys: np.ndarray, labels: np.ndarray, size: int) -> Scene:
    """Place everything. keys: (n,) uint64, labels: (n,)."""
    pixels = np.float32(size / 2)  # a relative length times this is in pixels

    # The object: its place leaves the whole of it inside the image.
    u = draws.uniform(keys, "object", 6)
    scale = between(u[:, 0], 0.4, 0.75)
    stretch = between(u[:, 1], 0.85, 1.18)
    radii = np.stack([scale * stretch, scale / stretch], axis=1)
    room = np.maximum(np.float32(1) - radii.max(axis=1), 0)
    centre = between(u[:, 2:4], -1, 1) * room[:, None]
    x, y = frame(size, centre, angle=between(u[:, 4], -0.1, 0.1), radii=radii)
    shape = outlines.distance(labels, x, y) * (scale * pixels)[:, None, None]

    # The occluder: an ellipse over the object's rim in three images of five, too thin to hide it.
    o = draws.uniform(keys, "occluder", 6)
    cos, sin = turn(o[:, 1])
    away = scale * between(o[:, 2], 0.65, 1.0)
    spot = centre + np.stack([cos, sin], axis=1) * away[:, None]
    thin = scale * between(o[:, 3], 0.14, 0.32)
    long = thin * between(o[:, 4], 1.5, 3)
    lean = o[:, 1] + between(o[:, 5], -0.08, 0.08)
    ex, ey = frame(size, spot, angle=lean, radii=np.stack([thin, long], axis=1))
    cover = (np.sqrt(ex * ex + ey * ey) - np.float32(1)) * (thin * pixels)[:, None, None]
    cover = np.where((o[:, 0] < 0.6)[:, None, None], cover, np.float32(size))

    # The clutter, all behind the object: an ellipse, a rectangle, and a line across the image. They are long,
    # so that none is a disc or a square: those are classes.
    c = draws.uniform(keys, "clutter", 13)
    r = between(c[:, 0:1], 0.14, 0.4) * np.stack([np.ones_like(c[:, 1]), between(c[:, 1], 0.3, 0.6)], axis=1)
    bx, by = frame(size, between(c[:, 2:4], -1, 1), angle=c[:, 4], radii=r)
    ellipse = (np.sqrt(bx * bx + by * by) - np.float32(1)) * (r.min(axis=1) * pixels)[:, None, None]
    r = between(c[:, 5:6], 0.12, 0.36) * np.stack([np.ones_like(c[:, 6]), between(c[:, 6], 0.3, 0.6)], axis=1)
    bx, by = frame(size, between(c[:, 7:9], -1, 1), angle=c[:, 9], radii=np.ones_like(r))
    rectangle = np.maximum(np.abs(bx) - r[:, 0, None, None], np.abs(by) - r[:, 1, None, None]) * pixels
    cos, sin = turn(c[:, 10])
    width = between(c[:, 12], 0.02, 0.08)[:, None, None]
    line = (np.abs(project(size, cos, sin, between(c[:, 11], -0.8, 0.8))) - width) * pixels
    return Scene(keys, size, shape, cover, (ellipse, rectangle, line), x + y)
