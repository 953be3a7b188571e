"""The published formulas of the corruptions, one image at a time, and all random numbers in the release's order.

Each takes (image (S, S, 3) uint8, np.random.RandomState, *parameters) and returns (S, S, 3) uint8.
"""

import io
import math

import numpy as np
from PIL import Image
from scipy import ndimage

from tests.oracles import drops


def _unit(image):
    return image / 255.0


def _bytes(values):
    return np.uint8(np.clip(values, 0, 1) * 255)


def _smooth(values, sigma, mode="nearest", truncate=4.0):
    over = (sigma, sigma, 0)[: values.ndim]
    return ndimage.gaussian_filter(values, over, mode=mode, truncate=truncate)


def gaussian_noise(image, rng, sigma):
    return _bytes(_unit(image) + rng.normal(scale=sigma, size=image.shape))


def shot_noise(image, rng, photons):
    return _bytes(rng.poisson(_unit(image) * photons) / photons)


def impulse_noise(image, rng, amount):
    hit, white = rng.uniform(size=image.shape) < amount, rng.uniform(size=image.shape) < 0.5
    return _bytes(np.where(hit, white, _unit(image)))


def speckle_noise(image, rng, sigma):
    return _bytes(_unit(image) * (1 + rng.normal(scale=sigma, size=image.shape)))


def gaussian_blur(image, rng, sigma):
    return _bytes(_smooth(_unit(image), sigma))


def glass_blur(image, rng, sigma, delta, iterations):
    pixels, side = _bytes(_smooth(_unit(image), sigma)), len(image)
    for _ in range(iterations):
        for row in range(side - delta, delta, -1):
            for column in range(side - delta, delta, -1):
                right, down = rng.randint(-delta, delta, size=2)
                pixels[row, column] = pixels[row + down, column + right]
    return _bytes(_smooth(_unit(pixels), sigma))


def defocus_blur(image, rng, radius, alias_sigma):
    reach, taps = (8, 1) if radius <= 8 else (radius, 2)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = (x**2 + y**2 <= radius**2).astype(float)
    near = np.exp(-(np.arange(-taps, taps + 1) ** 2) / 2 / alias_sigma**2)
    kernel = ndimage.convolve(disk / disk.sum(), np.outer(near, near) / near.sum() ** 2, mode="mirror")
    return _bytes(ndimage.correlate(_unit(image), kernel[..., None], mode="mirror"))


def _along_line(image, angle, radius, sigma):
    width, side = 2 * math.ceil(radius) + 1, len(image)
    kernel = [math.exp(-(i**2) / 2 / sigma**2) for i in range(width)]
    rows, columns = np.arange(side)[:, None], np.arange(side)
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    total = np.zeros(image.shape)
    for i, weight in enumerate(kernel):
        down, right = math.ceil(i * sine - 0.5), math.ceil(i * cosine - 0.5)
        from_rows, from_columns = (np.clip(at, 0, side - 1) for at in (rows + down, columns + right))
        total += weight / sum(kernel) * image[from_rows, from_columns]
    return np.uint8(np.round(total * 257) // 257)


def motion_blur(image, rng, radius, sigma):
    return _along_line(image, rng.uniform(-45, 45), radius, sigma)


def _zoomed(values, factor):
    side = len(values)
    crop = math.ceil(side / factor)
    top = (side - crop) // 2
    large = ndimage.zoom(values[top : top + crop, top : top + crop], (factor, factor, 1), order=1)
    trim = (len(large) - side) // 2
    return large[trim : trim + side, trim : trim + side]


def zoom_blur(image, rng, stop, step):
    values, factors = _unit(image).astype(np.float32), np.arange(1, stop, step)
    total = np.zeros_like(values)
    for factor in factors:
        total += _zoomed(values, factor)
    return _bytes((values + total) / (len(factors) + 1))


def snow(image, rng, mean, deviation, factor, threshold, radius, sigma, blend):
    layer = _zoomed(rng.normal(mean, deviation, image.shape[:2])[..., None], factor)
    layer = _unit(_along_line(_bytes(layer * (layer >= threshold)), rng.uniform(-135, -45), radius, sigma))
    values = _unit(image).astype(np.float32)
    grey = values @ np.float32([0.299, 0.587, 0.114])
    white = blend * values + (1 - blend) * np.maximum(values, 1.5 * grey[..., None] + 0.5)
    return _bytes(white + layer + np.rot90(layer, 2))


def frost(image, rng, weight, frost_weight, pictures):
    picture, side = pictures[rng.randint(len(pictures))], len(image)
    top, left = (rng.randint(0, length - side) for length in picture.shape[:2])
    return np.uint8(np.clip(weight * image + frost_weight * picture[top : top + side, left : left + side], 0, 255))


def plasma(rng, size, decay):
    """Diamond and square, one point after the other, on a torus."""
    heights, width, amplitude = np.zeros((size, size)), size, 100.0
    while width >= 2:
        half, grid = width // 2, range(0, size, width)
        passes = (
            [
                (y + half, x + half, ((half, half), (half, -half), (-half, half), (-half, -half)))
                for y in grid
                for x in grid
            ],
            [(y, x + half, ((half, 0), (-half, 0), (0, half), (0, -half))) for y in grid for x in grid],
            [(y + half, x, ((half, 0), (-half, 0), (0, half), (0, -half))) for y in grid for x in grid],
        )
        for places in passes:
            for y, x, around in places:
                mean = sum(heights[(y + dy) % size, (x + dx) % size] for dy, dx in around) / 4
                heights[y, x] = mean + amplitude * rng.uniform(-amplitude, amplitude)
        width, amplitude = half, amplitude / decay
    return (heights - heights.min()) / np.ptp(heights)


def fog(image, rng, strength, decay):
    side, values = len(image), _unit(image)
    size = 2 ** math.ceil(math.log2(side))
    mist = strength * plasma(rng, size, decay)[:side, :side, None]
    return _bytes((values + mist) * values.max() / (values.max() + strength))


def _in_hsv(image, change):
    """Hue as the angle of the colour hexagon, by formulas for the whole image."""
    values = _unit(image)
    high, low = values.max(-1), values.min(-1)
    chroma = high - low
    safe = np.where(chroma == 0, 1, chroma)
    which, rolled = values.argmax(-1), [np.roll(values, -k, axis=-1) for k in (1, 2)]
    gap = np.take_along_axis(rolled[0] - rolled[1], which[..., None], -1)[..., 0]
    hue = np.where(chroma == 0, 0, (2 * which + gap / safe) % 6)
    saturation, value = change(np.where(high == 0, 0, chroma / np.where(high == 0, 1, high)), high)
    saturation, value = np.clip(saturation, 0, 1), np.clip(value, 0, 1)
    # each channel is the value less a trapezium of the hue (Wikipedia's alternative formula)
    turned = (np.array([5, 3, 1]) + hue[..., None]) % 6
    trapezium = np.clip(np.minimum(turned, 4 - turned), 0, 1)
    return _bytes(value[..., None] * (1 - saturation[..., None] * trapezium))


def brightness(image, rng, shift):
    return _in_hsv(image, lambda saturation, value: (saturation, value + shift))


def saturate(image, rng, scale, shift):
    return _in_hsv(image, lambda saturation, value: (saturation * scale + shift, value))


def contrast(image, rng, factor):
    values = _unit(image)
    means = values.mean((0, 1))
    return _bytes((values - means) * factor + means)


def elastic_transform(image, rng, alpha, sigma, jitter):
    """Beyond the edge as today's SciPy has it, not as the release."""
    side, values = len(image), _unit(image)
    middle, reach = side // 2, side // 3
    points = np.array([[middle + reach] * 2, [middle + reach, middle - reach], [middle - reach] * 2])
    ends = points + rng.uniform(-jitter, jitter, (3, 2))
    back = np.linalg.solve(np.c_[ends, np.ones(3)], points)
    y, x = np.mgrid[:side, :side]
    places = np.stack([x, y, np.ones_like(x)], -1) @ back
    places = np.floor(places * 32 + 0.5) / 32
    warped = _sampled(values, places[..., 1], places[..., 0], "mirror")
    right, down = (alpha * _smooth(rng.uniform(-1, 1, (side, side)), sigma, "reflect", 3.0) for _ in range(2))
    return _bytes(_sampled(warped, y + down, x + right, "reflect"))


def _sampled(values, y, x, mode):
    planes = [ndimage.map_coordinates(plane, (y, x), order=1, mode=mode) for plane in np.moveaxis(values, -1, 0)]
    return np.stack(planes, axis=-1)


def pixelate(image, rng, scale):
    side = len(image)
    picture = Image.fromarray(image)
    for size in (int(side * scale), side):
        picture = picture.resize((size, size), Image.Resampling.BOX)
    return np.asarray(picture)


def jpeg_compression(image, rng, quality):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def spatter(image, rng, mean, deviation, sigma, threshold, amount, mud):
    layer = _smooth(rng.normal(mean, deviation, image.shape[:2]), sigma)
    layer = np.where(layer < threshold, 0, layer)
    values = _unit(image)
    if mud:
        opacity = _smooth((layer > threshold).astype(float), amount)
        opacity = np.where(opacity < 0.8, 0, opacity)[..., None]
        return _bytes(values * (1 - opacity) + opacity * np.array([63, 42, 20]) / 255)
    depth = np.uint8(layer * 255)
    opacity = depth * drops.shading(depth)
    opacity = amount * opacity / max(opacity.max(), 1e-9)
    return _bytes(values + opacity[..., None] * np.array([175, 238, 238]) / 255)


FORMULAS = {
    formula.__name__: formula
    for formula in (
        gaussian_noise, shot_noise, impulse_noise, speckle_noise, gaussian_blur, glass_blur, defocus_blur, motion_blur,
        zoom_blur, snow, frost, fog, brightness, saturate, contrast, elastic_transform, pixelate, jpeg_compression,
        spatter,
    )
}  # fmt: skip
