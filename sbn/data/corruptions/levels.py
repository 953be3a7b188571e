"""Grey levels to [0, 1] and back, as the released code goes: back by truncation, not rounding."""

import numpy as np


def unit(images: np.ndarray) -> np.ndarray:
    """Returns uint8 images in [0, 1], float64."""
    return images / 255.0


def truncated(values: np.ndarray) -> np.ndarray:
    """Returns values, of [0, 1] where they are not beyond, as uint8. Writes over them."""
    np.clip(values, 0, 1, out=values)
    values *= 255
    return values.astype(np.uint8)
