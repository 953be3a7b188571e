"""Weather: snow, frost, fog. Brightness, the fourth of the group, is in `digital`."""

from collections.abc import Sequence

import numpy as np

from sbn.data.corruptions.blur import clipped_zoom, motion_blur, plan_zoom
from sbn.data.corruptions.images import truncated, unit
from sbn.data.corruptions.stream import Stream
from sbn.data.corruptions.textures import plasma

_GREY = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


def draw_snow(stream: Stream, side: int, *_: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns standard normals (N, side, side) and angles of -135 to -45 degrees (N,)."""
    flakes = stream.normal(side**2).reshape(-1, side, side)
    return flakes, 90 * stream.uniform(1, start=side**2 + 1)[:, 0] - 135


def snow(
    images: np.ndarray,
    flakes: np.ndarray,
    angles: np.ndarray,
    mean: float,
    deviation: float,
    enlargement: float,
    threshold: float,
    radius: float,
    sigma: float,
    blend: float,
) -> np.ndarray:
    """Returns images of a whitened scene in which snow drives, twice: once turned by 180 degrees.

    Args:
        images: (N, S, S, 3) uint8.
        flakes: (N, S, S) standard normals.
        angles: (N,) in degrees, the way of the flakes.
        mean: of the snow layer before the threshold.
        deviation: of it.
        enlargement: by which flakes are enlarged.
        threshold: below it there is no flake.
        radius: of the flakes' motion blur.
        sigma: of the flakes' motion blur.
        blend: how much of the image is left as it is; the rest is whitened.
    """
    layer = clipped_zoom((mean + deviation * flakes)[..., None], *plan_zoom(images.shape[1], enlargement))
    layer = np.where(layer < threshold, 0, layer)
    layer = unit(motion_blur(truncated(layer), angles, radius, sigma))
    scene = unit(images).astype(np.float32)
    grey = (scene[..., 0] * _GREY[0] + scene[..., 1] * _GREY[1] + scene[..., 2] * _GREY[2])[..., None]
    blended = np.float32(blend) * scene + np.float32(1 - blend) * np.maximum(scene, grey * 1.5 + 0.5)
    return truncated(blended + layer + layer[:, ::-1, ::-1])


def draw_frost(
    stream: Stream, side: int, weight: float, frost_weight: float, photographs: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns which photograph (N,) and the upper left corner of its part (N, 2)."""
    which = stream.below(len(photographs), 1)[:, 0]
    room = np.array([photograph.shape[:2] for photograph in photographs])[which] - side
    return which, (stream.uniform(2, start=1) * room).astype(int)


def frost(
    images: np.ndarray,
    which: np.ndarray,
    corners: np.ndarray,
    weight: float,
    frost_weight: float,
    photographs: Sequence[np.ndarray],
) -> np.ndarray:
    """Returns images behind frost on a window.

    Args:
        images: (N, S, S, 3) uint8.
        which: (N,) numbers of the photographs.
        corners: (N, 2) upper left corners of the parts of the photographs.
        weight: of the image.
        frost_weight: of the photograph.
        photographs: uint8 pictures of frost (at least S, at least S, 3).
    """
    side = images.shape[1]
    parts = np.empty_like(images)
    for part, number, (top, left) in zip(parts, which, corners, strict=True):
        part[:] = photographs[number][top : top + side, left : left + side]
    return np.clip(weight * images + frost_weight * parts, 0, 255).astype(np.uint8)


def draw_fog(stream: Stream, side: int, *_: float) -> tuple[np.ndarray]:
    """Returns uniform numbers for `plasma`, (N, size**2 - 1), size the least power of two that holds the image."""
    return (stream.uniform(4 ** (side - 1).bit_length() - 1),)


def fog(images: np.ndarray, draws: np.ndarray, strength: float, decay: float) -> np.ndarray:
    """Returns images (N, S, S, 3) uint8 in fog, a plasma fractal made of `draws`, darkened to their brightest level."""
    side = images.shape[1]
    values = unit(images)
    brightest = values.max(axis=(1, 2, 3), keepdims=True)
    values += strength * plasma(draws, decay)[:, :side, :side, None]
    return truncated(values * brightest / (brightest + strength))
