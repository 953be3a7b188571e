"""The pictures of frost: photographs where there are some, or, when asked for, a stand-in."""

import pathlib

import numpy as np
from PIL import Image

from sbn.config.errors import ConfigError
from sbn.data.corruptions.plasma import plasma

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
    folder = pathlib.Path(frost).expanduser()
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
