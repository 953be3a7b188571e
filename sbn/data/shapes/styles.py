"""Ways to draw the same scene: `plain` in full colour, `sketch` as outlines on paper, `clear` for quick trials."""

from collections.abc import Callable
from typing import Final

import numpy as np

from sbn.data.shapes import draws
from sbn.data.shapes.scene import Scene, between, coverage, lattice, project, turn, wave


def _over(image: np.ndarray, colour: np.ndarray, alpha: np.ndarray) -> None:
    """Lay a colour over an image, in place. image: (3, n, H, W), colour: (n, 3), alpha: (n, H, W)."""
    for plane, channel in zip(image, colour.T, strict=True):
        plane += (channel[:, None, None] - plane) * alpha


def _away_from(base: np.ndarray, direction: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    """Colours `contrast` off `base` in their strongest channel. base, direction: (n, 3); contrast: (n,)."""
    step = direction / np.abs(direction).max(axis=1, keepdims=True) * contrast[:, None]
    return base + np.where((base + step < 0) | (base + step > 1), -step, step)


def _backdrop(scene: Scene) -> np.ndarray:
    """How far the backdrop is from its first colour to its second: (n, H, W), about [-1, 1].

    A slope, stripes and smooth noise in random shares, so that textures go over into each other.
    """
    u = draws.uniform(scene.keys, "backdrop", 7)
    share = u[:, 0:3] ** 2 + np.float32(0.02)
    share /= share.sum(axis=1, keepdims=True)
    cos, sin = turn(u[:, 3])
    slope = project(scene.size, cos, sin, between(u[:, 4], -0.3, 0.3))
    cos, sin = turn(u[:, 5])
    pitch = between(u[:, 6], 1.0, 3.5)  # periods in half an image
    stripes = wave(project(scene.size, cos * pitch, sin * pitch, u[:, 4]))
    noise = lattice(scene.keys, scene.size, 7)
    slope *= share[:, 0, None, None]
    slope += stripes * share[:, 1, None, None]
    slope += noise * (share[:, 2, None, None] * np.float32(1.5))
    return slope


def plain(scene: Scene) -> np.ndarray:
    """Paint in colour: textured backdrop, clutter, object, occluder, pixel noise. (n, H, W, 3) float32."""
    u = draws.uniform(scene.keys, "colour", 20)
    base = between(u[:, 0:3], 0.1, 0.9)
    ground = _away_from(base, u[:, 3:6] - np.float32(0.5001), between(u[:, 6] ** 2, 0.06, 0.45))
    # Squared: low contrast is common, high contrast is not rare.
    ink = _away_from((base + ground) / 2, u[:, 7:10] - np.float32(0.5001), between(u[:, 10], 0.22, 0.8))
    texture = _backdrop(scene)
    image = np.empty((3, *texture.shape), np.float32)
    middle, reach = (base + ground) / 2, (ground - base) / 2
    for k in range(3):
        np.multiply(texture, reach[:, k, None, None], out=image[k])
        image[k] += middle[:, k, None, None]
    colours = (u[:, 11:14], (ground + u[:, 14:17]) / 2, (base + ink) / 2)
    for distance, colour in zip(scene.clutter, colours, strict=True):
        _over(image, colour, coverage(distance))
    # The object takes on some of the backdrop's texture, as shading.
    shade = texture * between(u[:, 17], -0.15, 0.15)[:, None, None]
    alpha = coverage(scene.object)
    _over(image, ink, alpha)
    image += shade * alpha
    _over(image, u[:, 14:17], coverage(scene.occluder))
    out = np.moveaxis(image, 0, -1)
    return out + draws.grain(scene.keys, scene.size) * between(u[:, 18] ** 2, 0.02, 0.2)[:, None, None, None]


def sketch(scene: Scene) -> np.ndarray:
    """Draw in pencil on paper: outlines, hatching, no filled areas. (n, H, W, 3) float32."""
    u = draws.uniform(scene.keys, "colour", 20)
    paper = between(u[:, 0:1], 0.8, 0.95) + between(u[:, 1:4], -0.06, 0.05)
    pencil = between(u[:, 4:7], 0.08, 0.4)
    pressure = lattice(scene.keys, scene.size, 7)
    unit = np.float32(scene.size / 32)  # strokes widen with the image
    width = between(u[:, 7], 0.45, 0.85)[:, None, None] * unit
    wobble = pressure * (np.float32(0.4) * unit)

    def stroke(distance: np.ndarray, share: float) -> np.ndarray:
        return coverage(np.abs(distance + wobble) - width * np.float32(share))

    ruling = wave(project(scene.size, np.zeros(len(u), np.float32), between(u[:, 8], 2, 5), u[:, 9]))
    ink = np.maximum(ruling - np.float32(0.8), 0) * between(u[:, 10], 0, 1.5)[:, None, None]
    for distance in scene.clutter:
        ink = np.maximum(ink * (1 - coverage(distance)), stroke(distance, 0.7) * np.float32(0.6))
    hatching = np.maximum(wave(scene.hatch * between(u[:, 11], 1.5, 3)[:, None, None]), 0)
    hatching *= np.maximum(between(u[:, 12], -0.5, 0.7), 0)[:, None, None]  # in six drawings of ten
    inside = coverage(scene.object)
    ink = np.maximum(ink * (1 - inside) + hatching * inside, stroke(scene.object, 1.0))
    ink = np.maximum(ink * (1 - coverage(scene.occluder)), stroke(scene.occluder, 0.8))
    ink *= between(u[:, 13], 0.6, 0.95)[:, None, None] + pressure * np.float32(0.2)
    image = np.empty((3, *ink.shape), np.float32)
    blotch = pressure * between(u[:, 14], 0, 0.06)[:, None, None]
    for k in range(3):
        np.add(blotch, paper[:, k, None, None], out=image[k])
    _over(image, pencil, ink)
    out = np.moveaxis(image, 0, -1)
    return out + draws.grain(scene.keys, scene.size) * between(u[:, 18] ** 2, 0.02, 0.2)[:, None, None, None]


def clear(scene: Scene) -> np.ndarray:
    """Paint the object alone, bright on dark or dark on bright: what a tiny network learns in seconds. (n, H, W, 3)."""
    u = draws.uniform(scene.keys, "colour", 20)
    dark, bright = between(u[:, 0:3], 0.0, 0.25), between(u[:, 3:6], 0.75, 1.0)
    swapped = (u[:, 6] < 0.5)[:, None]
    ground, ink = np.where(swapped, bright, dark), np.where(swapped, dark, bright)
    image = np.empty((3, *scene.object.shape), np.float32)
    image[:] = ground.T[:, :, None, None]
    # What would hide a part of the object takes the ground's colour: the same pixels are seen in every style.
    _over(image, ink, coverage(scene.object) * (1 - coverage(scene.occluder)))
    out = np.moveaxis(image, 0, -1)
    return out + draws.grain(scene.keys, scene.size) * np.float32(0.05)


PAINTERS: Final[dict[str, Callable[[Scene], np.ndarray]]] = {"plain": plain, "sketch": sketch, "clear": clear}
