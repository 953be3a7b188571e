"""A colour for each class, the same in every picture, and pictures with the classes of their pixels over them."""

import colorsys

import numpy as np

_TURN = (5**0.5 - 1) / 2  # of hues from class to class: no two of any number of classes are close for long


def class_colours(count: int) -> np.ndarray:
    """Returns colours of `count` classes, (count, 3) uint8; the first ones stay what they are when there are more."""
    made = [
        colorsys.hsv_to_rgb((0.6 + _TURN * number) % 1, (0.95, 0.6)[number % 2], (1.0, 0.75)[number // 2 % 2])
        for number in range(count)
    ]
    return np.round(255 * np.reshape(np.array(made), (count, 3))).astype(np.uint8)


def coloured(classes: np.ndarray, count: int) -> np.ndarray:
    """Returns classes of pixels (..., H, W) uint8 as colours (..., H, W, 3) uint8; black where there is no class (255).

    Args:
        classes: below `count`, or 255.
        count: number of classes.
    """
    table = np.zeros((256, 3), np.uint8)
    table[:count] = class_colours(count)
    return table[classes]


def tinted(images: np.ndarray, classes: np.ndarray, count: int) -> np.ndarray:
    """Returns images (..., H, W, 3) uint8 mixed half and half with the colours of their classes, where these are known.

    Args:
        images: to be seen through.
        classes: (..., H, W) uint8, below `count`, or 255 for none.
        count: number of classes.
    """
    mixed = (images.astype(np.uint16) + coloured(classes, count)) // 2
    return np.where(classes[..., None] < count, mixed, images).astype(np.uint8)
