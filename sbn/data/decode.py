"""Encoded images to arrays, with Pillow: for sets that fit into memory."""

import concurrent.futures
import io
import os
from collections.abc import Sequence

import numpy as np
from PIL import Image

from sbn.config.errors import ConfigError
from sbn.data.progress import told


def open_image(data: bytes) -> Image.Image:
    """Returns a JPEG or PNG of any colours, whatever its file's name says, as RGB.

    Raises:
        OSError: if it is neither, or damaged.
    """
    try:
        return Image.open(io.BytesIO(data)).convert("RGB")
    except (SyntaxError, ValueError) as error:  # what Pillow has for some PNGs
        raise OSError(str(error)) from None


def decode(data: bytes) -> np.ndarray:
    """Returns what `open_image` does as (H, W, 3) uint8."""
    return np.asarray(open_image(data))


def decode_all(images: Sequence[bytes], names: Sequence[str]) -> np.ndarray:
    """Returns images of one size as (M, H, W, 3) uint8.

    Raises:
        ConfigError: if they differ in size, or one can't be read; it says which, by its name.
    """
    found = np.zeros((len(images), *(decode(images[0]).shape if images else (1, 1, 3))), np.uint8)

    def fill(number: int) -> None:
        try:
            image = decode(images[number])
        except OSError as error:
            raise ConfigError(f"{names[number]} can't be read: {error}") from None
        if image.shape != found.shape[1:]:
            raise ConfigError(f"{names[number]} is of {image.shape[:2]} pixels, {names[0]} of {found.shape[1:3]}")
        found[number] = image

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow decodes without Python's lock
        for _ in told(pool.map(fill, range(len(images))), count=len(images), what="decoding images"):
            pass
    return found
