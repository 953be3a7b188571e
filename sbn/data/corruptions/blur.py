"""Blurs: defocus, glass, motion, zoom, Gaussian."""

import numpy as np
from scipy import ndimage, signal

from sbn.data.corruptions import zoom
from sbn.data.corruptions.levels import truncated, unit
from sbn.data.corruptions.motion import motion_blur as along_lines
from sbn.data.corruptions.stream import Stream


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


def motion_blur(images: np.ndarray, angles: np.ndarray, radius: float, sigma: float) -> np.ndarray:
    """Returns images (N, S, S, 3) uint8 blurred along a line at each image's angle (N,), in degrees."""
    return along_lines(images, angles, radius, sigma)


def zoom_blur(images: np.ndarray, stop: float, step: float) -> np.ndarray:
    """Returns the mean of images (N, S, S, 3) uint8 and of them zoomed by 1, 1 + step, ... below stop."""
    values = unit(images).astype(np.float32)
    plans = [zoom.plan(images.shape[1], factor) for factor in np.arange(1, stop, step)]
    # Zooms of few pixels round to few plans. float32 sums in the release's order: flat areas are ties of truncation.
    zoomed = {plan: zoom.clipped_zoom(values, *plan) for plan in set(plans)}
    total = np.zeros_like(values)
    for plan in plans:
        total += zoomed[plan]
    return truncated((values + total) / np.float32(len(plans) + 1))
