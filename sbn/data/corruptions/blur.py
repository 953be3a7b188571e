"""Blurs: defocus, glass, motion, zoom, Gaussian; snow borrows the enlargement and the motion blur.

The motion blur is ImageMagick's: a one-sided Gaussian along a line of whole pixels. The enlargement is linear
interpolation, as in SciPy's `zoom`, with which the released data were made.
"""

import math

import numpy as np
from scipy import ndimage, signal

from sbn.data.corruptions.images import truncated, unit
from sbn.data.corruptions.stream import Stream


def plan_zoom(side: int, factor: float) -> tuple[int, int]:
    """Returns (width of the middle that is kept, side of what it is enlarged to) for a zoom of images of `side`."""
    crop = math.ceil(side / factor)
    return crop, round(crop * factor)


def clipped_zoom(values: np.ndarray, crop: int, size: int) -> np.ndarray:
    """Enlarges the middle of square images and cuts off what sticks out.

    Args:
        values: (N, S, S, C) float.
        crop: side of the middle to enlarge.
        size: side of the enlarged middle, at least S: pixel i of it lies at i * (crop - 1) / (size - 1) of the middle.

    Returns:
        (N, S, S, C), computed in float64 and rounded to the dtype of `values`.
    """
    count, side, _, channels = values.shape
    if crop == size == side:
        return values
    top, trim = (side - crop) // 2, (size - side) // 2
    place = np.arange(trim, trim + side) * ((crop - 1) / (size - 1))
    first = np.minimum(place.astype(int), crop - 2)
    weight = place - first
    first += top
    rows = values.astype(np.float64).reshape(count, side, side * channels)
    rows = rows.take(first, axis=1) * (1 - weight[:, None]) + rows.take(first + 1, axis=1) * weight[:, None]
    # one column after the other, each with its channels: long rows of plain numbers
    first = (channels * first[:, None] + np.arange(channels)).reshape(-1)
    weight = weight.repeat(channels)
    mixed = rows.take(first, axis=2) * (1 - weight) + rows.take(first + channels, axis=2) * weight
    return mixed.astype(values.dtype).reshape(values.shape)


def line_weights(radius: float, sigma: float) -> np.ndarray:
    """Returns the weights of the pixels along the line, nearest first; (2 * ceil(radius) + 1,), sum 1."""
    places = np.arange(2 * math.ceil(radius) + 1)
    values = np.exp(-(places**2) / (2 * sigma**2)) / (math.sqrt(2 * math.pi) * sigma)
    return values / values.sum()


def line_offsets(angles: np.ndarray, width: int) -> np.ndarray:
    """Returns where the line of `width` pixels runs: (N, width, 2) whole numbers (y, x) for angles (N,) in degrees."""
    radians = np.deg2rad(angles)
    direction = np.stack([width * np.sin(radians), width * np.cos(radians)], axis=-1)
    length = np.hypot(direction[:, 0], direction[:, 1])[:, None, None]
    return np.ceil(np.arange(width)[:, None] * direction[:, None] / length - 0.5).astype(int)


def motion_blur(images: np.ndarray, angles: np.ndarray, radius: float, sigma: float) -> np.ndarray:
    """Blurs each image along its own line; pixels beyond the edge are those at the edge.

    Args:
        images: (N, H, W, C) uint8.
        angles: (N,) in degrees; 0 takes pixels from the right, 90 from below.
        radius: half the length of the line in pixels.
        sigma: of the Gaussian, in pixels.

    Returns:
        (N, H, W, C) uint8, rounded to 16 bits and truncated to 8.
    """
    line = line_weights(radius, sigma)
    width, (height, breadth) = len(line), images.shape[1:3]
    # Images whose lines are equal are done together: whole pixels leave few lines.
    lines, which = np.unique(line_offsets(angles, width), axis=0, return_inverse=True)
    order = np.argsort(which.reshape(-1), kind="stable")
    ends = np.cumsum(np.bincount(which.reshape(-1), minlength=len(lines)))
    reach = ((0, 0), (width, width), (width, width), (0, 0))
    padded = np.pad(images[order], reach, mode="edge") * 257.0
    total = np.empty(images.shape)
    for start, stop, steps in zip(np.concatenate([[0], ends]), ends, lines, strict=False):
        into = total[start:stop]
        into[:] = 0
        for weight, (down, right) in zip(line, steps, strict=True):
            top, left = width + down, width + right
            into += weight * padded[start:stop, top : top + height, left : left + breadth]
    blurred = np.empty_like(images)
    blurred[order] = np.floor((total + 0.5) / 257)
    return blurred


def smooth(values: np.ndarray, sigma: float, *, mode: str = "nearest", truncate: float = 4) -> np.ndarray:
    """Returns (N, H, W, ...) values convolved with a Gaussian of `sigma` pixels over H and W."""
    over = (0, sigma, sigma) + (0,) * (values.ndim - 3)
    return ndimage.gaussian_filter(values, over, mode=mode, truncate=truncate)


def gaussian_blur(images: np.ndarray, sigma: float) -> np.ndarray:
    """Returns images (N, H, W, 3) uint8 blurred by a Gaussian of `sigma` pixels."""
    return truncated(smooth(unit(images), sigma))


def draw_glass(stream: Stream, side: int, sigma: float, delta: int, iterations: int) -> tuple[np.ndarray]:
    """Returns from where pixels are copied, (N, iterations, side - 2 delta, side - 2 delta, 2): down, right."""
    inner = side - 2 * delta
    steps = stream.below(2 * delta, 2 * iterations * inner**2) - delta
    return (steps.reshape(-1, iterations, inner, inner, 2),)


def glass_blur(images: np.ndarray, steps: np.ndarray, sigma: float, delta: int, iterations: int) -> np.ndarray:
    """Returns images seen through frosted glass: blurred, pixels displaced, blurred again.

    From the lower right on, each pixel but those near the edge becomes a copy of one of its neighbours, which may have
    become a copy before. The release's code means to swap the two; its data, and so this, have the copies.

    Args:
        images: (N, S, S, 3) uint8.
        steps: (N, iterations, S - 2 delta, S - 2 delta, 2), -delta to delta - 1: where, down and right, pixels are
            copied from; the first entry is that of row and column delta + 1.
        sigma: of both Gaussians, in pixels.
        delta: the furthest a pixel is copied from.
        iterations: how often all pixels are visited.
    """
    count, side = images.shape[:2]
    pixels = truncated(smooth(unit(images), sigma)).reshape(-1, 3)
    places = np.arange(count * side**2).reshape(count, side, side)
    inner = (slice(None), slice(delta + 1, side - delta + 1), slice(delta + 1, side - delta + 1))
    visited = np.zeros(places.shape, bool)
    visited[inner] = True
    for iteration in range(iterations):
        origin = places.copy()
        origin[inner] += steps[:, iteration] @ [side, 1]
        # An origin that was visited earlier in the round holds what it was given: its origin counts, and so on.
        came, here = origin.reshape(-1), places.reshape(-1)
        last = np.where(visited.reshape(-1)[came] & (came > here), came, here)
        while not np.array_equal(further := last[last], last):
            last = further
        pixels = pixels[came[last]]
    return truncated(smooth(unit(pixels.reshape(images.shape)), sigma))


def disk(radius: float, alias_sigma: float) -> np.ndarray:
    """Returns the kernel of defocus: a disk of `radius`, slightly smoothed; (17, 17) or larger, float32.

    Smoothing mirrors the kernel at its edge, which makes those of radius 8 and 10 sum to 1.013 and 1.011.
    """
    reach, taps = (8, 3) if radius <= 8 else (int(radius), 5)
    across = np.arange(-reach, reach + 1)
    inside = (across[:, None] ** 2 + across**2 <= radius**2).astype(np.float32)
    inside /= inside.sum()
    gaussian = np.exp(-((np.arange(taps) - taps // 2) ** 2) / (2 * alias_sigma**2)).astype(np.float32)
    gaussian = (gaussian / gaussian.sum(dtype=np.float64)).astype(np.float32)
    for axis in (1, 0):
        inside = ndimage.correlate1d(inside, gaussian, axis=axis, mode="mirror", output=np.float32)
    return inside


def defocus_blur(images: np.ndarray, radius: float, alias_sigma: float) -> np.ndarray:
    """Returns images (N, H, W, 3) uint8 out of focus: each point a disk of `radius` pixels."""
    kernel = disk(radius, alias_sigma).astype(np.float64)
    reach = len(kernel) // 2
    if radius < 3:  # few weights are not zero
        total = np.zeros(images.shape)
        padded = np.pad(unit(images), ((0, 0), (2, 2), (2, 2), (0, 0)), mode="reflect")
        height, width = images.shape[1:3]
        for down, right in np.argwhere(kernel):
            top, left = down - reach + 2, right - reach + 2
            total += kernel[down, right] * padded[:, top : top + height, left : left + width]
        return truncated(total)
    padded = np.pad(unit(images), ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="reflect")
    return truncated(signal.fftconvolve(padded, kernel[None, :, :, None], mode="valid", axes=(1, 2)))


def draw_motion(stream: Stream, side: int, radius: float, sigma: float) -> tuple[np.ndarray]:
    """Returns angles of -45 to 45 degrees, (N,)."""
    return (90 * stream.uniform(1)[:, 0] - 45,)


def zoom_blur(images: np.ndarray, stop: float, step: float) -> np.ndarray:
    """Returns the mean of images (N, S, S, 3) uint8 and of them zoomed by 1, 1 + step, ... below stop."""
    values = unit(images).astype(np.float32)
    plans = [plan_zoom(images.shape[1], factor) for factor in np.arange(1, stop, step)]
    # Zooms of few pixels round to few plans. float32 sums in the release's order: flat areas are ties of truncation.
    zoomed = {plan: clipped_zoom(values, *plan) for plan in set(plans)}
    total = np.zeros_like(values)
    for plan in plans:
        total += zoomed[plan]
    return truncated((values + total) / np.float32(len(plans) + 1))
