"""Brightness and saturation, changed in hue, saturation and value (Smith 1978)."""

from collections.abc import Callable

import numpy as np

from sbn.data.corruptions.levels import truncated, unit


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
