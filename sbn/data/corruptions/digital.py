"""What cameras and files do: contrast, brightness, saturation, pixelate, JPEG, elastic transforms.

Brightness and saturation change in hue, saturation and value (Smith 1978). An elastic transform (Simard et al. 2003)
is an affine warp that moves three points, then smooth displacements.
"""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from sbn.data.corruptions.blur import smooth
from sbn.data.corruptions.images import truncated, unit
from sbn.data.corruptions.stream import Stream


def contrast(images: np.ndarray, factor: float) -> np.ndarray:
    """Returns images (N, H, W, 3) uint8 moved to the mean of each channel: what is left of the distance is `factor`."""
    values = unit(images).reshape(len(images), -1, 3)
    means = values.mean(axis=1, keepdims=True)
    return truncated((values - means) * factor + means).reshape(images.shape)


def pixelate(images: np.ndarray, scale: float) -> np.ndarray:
    """Returns images (N, S, S, 3) uint8 reduced by `scale` and enlarged again, by Pillow's box filter."""
    side = images.shape[1]
    small, large = (int(side * scale),) * 2, (side, side)
    resample = Image.Resampling.BOX
    return np.stack([Image.fromarray(image).resize(small, resample).resize(large, resample) for image in images])


def jpeg_compression(images: np.ndarray, quality: int) -> np.ndarray:
    """Returns images (N, H, W, 3) uint8 as they come back from Pillow's JPEG files of `quality`, chroma halved."""
    decoded = np.empty_like(images)
    for image, into in zip(images, decoded, strict=True):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=quality)
        into[:] = Image.open(file)
    return decoded


def brightness(images: np.ndarray, shift: float) -> np.ndarray:
    """Returns images (N, H, W, 3) uint8 with `shift` added to the value."""
    return _changed(images, value=lambda value: value + shift)


def saturate(images: np.ndarray, scale: float, shift: float) -> np.ndarray:
    """Returns images (N, H, W, 3) uint8 with the saturation times `scale` plus `shift`; greys become reddish."""
    return _changed(images, saturation=lambda saturation: saturation * scale + shift)


Change = Callable[[np.ndarray], np.ndarray]


def _changed(images: np.ndarray, *, saturation: Change = np.asarray, value: Change = np.asarray) -> np.ndarray:
    red, green, blue = np.moveaxis(unit(images), -1, 0)
    highest = np.maximum(np.maximum(red, green), blue)
    spread = highest - np.minimum(np.minimum(red, green), blue)
    with np.errstate(invalid="ignore", divide="ignore"):  # greys have no hue, black has no saturation: both are 0
        hue = np.where(red == highest, (green - blue) / spread, 2 + (blue - red) / spread)
        hue = np.where(green == highest, 2 + (blue - red) / spread, hue)
        hue = np.where(blue == highest, 4 + (red - green) / spread, hue)
        hue = np.where(spread == 0, 0, (hue / 6) % 1)
        share = np.where(spread == 0, 0, spread / highest)
    s, v = np.clip(saturation(share), 0, 1), np.clip(value(highest), 0, 1)
    sector = np.floor(hue * 6)
    place = hue * 6 - sector
    low, falling, rising = v * (1 - s), v * (1 - place * s), v * (1 - (1 - place) * s)
    sixth = sector.astype(int) % 6
    channels = (
        np.choose(sixth, (v, falling, low, low, rising, v)),
        np.choose(sixth, (rising, v, v, falling, low, low)),
        np.choose(sixth, (low, low, rising, v, v, falling)),
    )
    return truncated(np.stack(channels, axis=-1))


def draw_elastic(stream: Stream, side: int, *_: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns numbers in [-1, 1): how the points move (N, 3, 2), and right and down before smoothing (2, N, S, S)."""
    moves = 2 * stream.uniform(6) - 1
    fields = 2 * stream.uniform(2 * side**2, start=6) - 1
    return moves.reshape(-1, 3, 2), np.moveaxis(fields.reshape(-1, 2, side, side), 1, 0)


def elastic_transform(
    images: np.ndarray, moves: np.ndarray, fields: np.ndarray, alpha: float, sigma: float, jitter: float
) -> np.ndarray:
    """Returns images warped.

    Args:
        images: (N, S, S, 3) uint8.
        moves: (N, 3, 2) in [-1, 1): how far, in units of `jitter`, each of three points moves right and down.
        fields: (2, N, S, S) in [-1, 1): displacements right and down before smoothing.
        alpha: pixels a unit of the smoothed displacement.
        sigma: of the Gaussian that smooths, in pixels.
        jitter: pixels.
    """
    planes = np.ascontiguousarray(np.moveaxis(unit(images).astype(np.float32), -1, 0))
    warped = affine(planes, affine_matrix(images.shape[1], jitter * moves))
    right, down = ((smooth(field, sigma, mode="reflect", truncate=3) * alpha).astype(np.float32) for field in fields)
    return np.moveaxis(truncated(displaced(warped, right, down)), 0, -1)


def affine_matrix(side: int, moves: np.ndarray) -> np.ndarray:
    """Returns for moves (N, 3, 2) of the three points the inverse maps, (N, 2, 3): from places (x, y, 1) to origins."""
    middle, reach = side // 2, side // 3
    points = np.float32(middle + reach * np.array([[1, 1], [1, -1], [-1, -1]]))
    ends = (points + moves.astype(np.float32)).astype(np.float64)
    # rows (x, y, 1) of where the points end, times the map, are where they began
    homogeneous = np.concatenate([ends, np.ones((*ends.shape[:2], 1))], axis=-1)
    return np.linalg.solve(homogeneous, np.broadcast_to(points.astype(np.float64), ends.shape)).swapaxes(1, 2)


def affine(planes: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Returns planes (C, N, S, S) float32 whose pixel at (x, y) is that at `matrices` (N, 2, 3) @ (x, y, 1).

    Places are rounded to 1/32 pixel as OpenCV does, so that the interpolation is its own; beyond the edge they are
    mirrored about the edge pixels.
    """
    across = np.arange(planes.shape[-1])
    along = np.rint(matrices[:, :, 0, None] * across * 1024).astype(int)
    start = np.rint((matrices[:, :, 1, None] * across + matrices[:, :, 2, None]) * 1024).astype(int) + 16
    x, y = (along[:, axis, None, :] + start[:, axis, :, None] >> 5 for axis in (0, 1))
    (a, b), (c, d) = _corners(planes, x >> 5, y >> 5)
    x, y = ((place & 31).astype(np.float32) / 32 for place in (x, y))
    return a * ((1 - y) * (1 - x)) + b * ((1 - y) * x) + c * (y * (1 - x)) + d * (y * x)


def displaced(planes: np.ndarray, right: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Returns planes (C, N, S, S) float32 whose pixel at (x, y) is that at (x + right, y + down); both (N, S, S).

    Beyond the edge as SciPy 1.0 had it, by which the released data were made: places are mirrored about the outer
    border of the edge pixels, and those within the last pixel before it interpolate towards the image's inside.
    """
    side = planes.shape[-1]
    across = np.arange(side, dtype=np.float64)
    x, y = right + across, down + across[:, None]
    for place in (x, y):
        np.copyto(place, -1 - place, where=place < 0)
        np.copyto(place, 2 * side - 1 - place, where=place >= side)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    (a, b), (c, d) = _corners(planes, left, top)
    before_x, before_y, after_x, after_y = 1 - (x - left), 1 - (y - top), 1 - (left - x + 1), 1 - (top - y + 1)
    mixed = a * before_y * before_x + b * before_y * after_x + c * after_y * before_x + d * after_y * after_x
    return mixed.astype(np.float32)


def _corners(planes: np.ndarray, left: np.ndarray, top: np.ndarray) -> list[list[np.ndarray]]:
    """Returns the pixels at the four corners of each place, rows first; mirrored about the edge pixels."""
    side = planes.shape[-1]
    flat = planes.reshape(len(planes), -1)
    base = (side**2 * np.arange(planes.shape[1]))[:, None, None]

    def mirrored(index: np.ndarray) -> np.ndarray:
        if index.min() <= -side or index.max() > 2 * side - 2:  # as good as never, and division is slow
            index = index % (2 * side - 2)
        return side - 1 - np.abs(side - 1 - np.abs(index))

    rows = [base + side * mirrored(index) for index in (top, top + 1)]
    columns = [mirrored(index) for index in (left, left + 1)]
    return [[flat.take(row + column, axis=1) for column in columns] for row in rows]
