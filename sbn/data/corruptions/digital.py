"""What cameras and files do: contrast, pixelate, JPEG. Elastic transforms have a file of their own."""

import io

import numpy as np
from PIL import Image

from sbn.data.corruptions.levels import truncated, unit


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
