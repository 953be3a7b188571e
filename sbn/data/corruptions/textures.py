"""Textures that weather is made of: plasma fractals for fog, and pictures of frost.

Frost is the release's photographs where there are some, or, when asked for, a stand-in made of a plasma fractal. A
plasma is made by diamond and square (Fournier, Fussell, Carpenter 1982), and periodic.
"""

import numpy as np
from PIL import Image

from sbn.config.environment import expanded
from sbn.config.errors import ConfigError


def plasma(draws: np.ndarray, decay: float) -> np.ndarray:
    """Returns fractals between 0 and 1.

    Args:
        draws: (N, size**2 - 1) uniform in [0, 1), size a power of two: for every width from `size` down to 2, those of
            the squares' middles, of the middles of the horizontal edges, and of the vertical ones.
        decay: by what the amplitude is divided when the width is halved.

    Returns:
        (N, size, size) float64; the least is 0, the greatest 1.
    """
    count = len(draws)
    size = round((draws.shape[1] + 1) ** 0.5)
    heights = np.zeros((count, size, size))
    amplitude, step, used = 100.0, size, 0

    def disturbed(total: np.ndarray) -> np.ndarray:
        nonlocal used
        number = total[0].size
        drawn = draws[:, used : used + number].reshape(total.shape)
        used += number
        # twice the amplitude: the draw's range has it, and the release multiplies by it again
        return total / 4 + amplitude * (2 * amplitude * drawn - amplitude)

    while step >= 2:
        half = step // 2
        corners = heights[:, ::step, ::step]
        total = corners + np.roll(corners, -1, axis=1)
        heights[:, half::step, half::step] = disturbed(total + np.roll(total, -1, axis=2))
        middles = heights[:, half::step, half::step]
        total = middles + np.roll(middles, 1, axis=1) + (corners + np.roll(corners, -1, axis=2))
        heights[:, ::step, half::step] = disturbed(total)
        total = middles + np.roll(middles, 1, axis=2) + (corners + np.roll(corners, -1, axis=1))
        heights[:, half::step, ::step] = disturbed(total)
        step, amplitude = half, amplitude / decay
    heights -= heights.min(axis=(1, 2), keepdims=True)
    return heights / heights.max(axis=(1, 2), keepdims=True)


# Of the six files of the release the sixth, frost6.jpg, is never drawn.
FILES = ("frost1.png", "frost2.png", "frost3.png", "frost4.jpg", "frost5.jpg")
PROCEDURAL = "procedural"

_HOW = (
    "take frost1.png to frost5.jpg from ImageNet-C/create_c of the robustness repository of Hendrycks and Dietterich "
    f"(Apache-2.0) and give their folder, or give {PROCEDURAL!r} for a made-up texture, whose numbers are no one else's"
)
_EVERY = 5  # CIFAR's photographs are reduced to a fifth without smoothing: the middle one of five pixels stays


def pictures(frost: str | None, *, side: int, reduced: bool) -> tuple[np.ndarray, ...]:
    """Returns five pictures of frost.

    Args:
        frost: a folder with the photographs of the release, or 'procedural'.
        side: of the images to be corrupted.
        reduced: whether photographs are reduced to a fifth, as for CIFAR.

    Returns:
        (height, width, 3) uint8 arrays, each larger than `side` both ways.

    Raises:
        ConfigError: without photographs, saying how to get them, or where they are too small.
    """
    if frost is None:
        raise ConfigError(f"frost needs photographs that are not part of this project: {_HOW}")
    if frost == PROCEDURAL:
        return procedural(side)
    folder = expanded(frost)
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise ConfigError(f"no {', '.join(missing)} in {folder}: {_HOW}")
    found = []
    for name in FILES:
        with Image.open(folder / name) as photograph:
            picture = np.asarray(photograph.convert("RGB"))
        picture = picture[_EVERY // 2 :: _EVERY, _EVERY // 2 :: _EVERY] if reduced else picture
        if min(picture.shape[:2]) <= side:
            size = f"{picture.shape[1]} x {picture.shape[0]}"
            raise ConfigError(f"{folder / name} has {size} pixels{' of use' * reduced}, too few for images of {side}")
        found.append(picture)
    return tuple(found)


def procedural(side: int) -> tuple[np.ndarray, ...]:
    """Returns five textures of pale bluish ridges, always the same: what is tested is the path, not the look of ice."""
    size = 1 << (2 * side - 1).bit_length()
    draws = np.random.RandomState(0).random_sample((len(FILES), size**2 - 1))
    ridges = 1 - np.abs(2 * plasma(draws, decay=1.7) - 1)
    pale = 255 * (0.25 + 0.75 * ridges[..., None] ** 1.5 * np.array([0.9, 0.97, 1.0]))
    return tuple(pale.astype(np.uint8))
