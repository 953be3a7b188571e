"""Images of one type and severity, as an array or as encoded files that are read when asked for; grey levels.

Levels go to [0, 1] and back as in the released code: back by truncation, not rounding.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from sbn.config.errors import ConfigError
from sbn.data.decode import decode


def unit(images: np.ndarray) -> np.ndarray:
    """Returns uint8 images in [0, 1], float64."""
    return images / 255.0


def truncated(values: np.ndarray) -> np.ndarray:
    """Returns values, of [0, 1] where they are not beyond, as uint8. Writes over them."""
    np.clip(values, 0, 1, out=values)
    values *= 255
    return values.astype(np.uint8)


class Images(Protocol):
    """An array of images, or what reads or makes slices of one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(M, H, W, 3)."""
        ...

    def __len__(self) -> int:
        """M."""
        ...

    def __getitem__(self, where: slice) -> np.ndarray:
        """(n, H, W, 3) uint8."""
        ...


class Released(NamedTuple):
    """A released set.

    Attributes:
        labels: (M,) int32.
        read: returns the M images of a type and severity.
        about: where it comes from, one line.
    """

    labels: np.ndarray
    read: Callable[[str, int], Images]
    about: str


@dataclasses.dataclass(frozen=True)
class Encoded:
    """Images that stay encoded until a slice of them is asked for.

    Attributes:
        fetch: returns the file of the i-th image, its label, and what to call it in messages.
        labels: (M,) what the labels should be.
        side: of the square images.
    """

    fetch: Callable[[int], tuple[bytes, int, str]]
    labels: np.ndarray
    side: int

    @property
    def shape(self) -> tuple[int, ...]:
        """(M, side, side, 3)."""
        return (len(self), self.side, self.side, 3)

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, count: int) -> "Encoded":
        """Returns the first `count` of the images."""
        return dataclasses.replace(self, labels=self.labels[:count])

    def __getitem__(self, where: slice) -> np.ndarray:
        """Returns a slice, decoded by Pillow, (n, side, side, 3) uint8.

        Raises:
            ConfigError: if an image is of another class or size than it should be, or no image.
        """
        places = range(len(self))[where]
        decoded = np.empty((len(places), *self.shape[1:]), np.uint8)
        for into, place in zip(decoded, places, strict=True):
            data, label, name = self.fetch(place)
            if label != self.labels[place]:
                raise ConfigError(f"{name} has the label {label}; other types and severities have {self.labels[place]}")
            try:
                image = decode(data)
            except OSError as error:
                raise ConfigError(f"{name} can't be read: {error}") from None
            if image.shape != into.shape:
                size = f"{image.shape[1]} x {image.shape[0]}"
                raise ConfigError(f"{name} has {size} pixels, not {self.side} x {self.side}")
            into[:] = image
        return decoded
