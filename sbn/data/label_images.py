"""Label images: files of one number per pixel, which say what every pixel of another image shows."""

import dataclasses
import hashlib
import io
from collections.abc import Mapping

import numpy as np
from PIL import Image

from sbn.augment.encoded_crops import CropWindows
from sbn.augment.size_ops import Size
from sbn.config.errors import ConfigError
from sbn.data.forms import VOID
from sbn.data.index import Index
from sbn.data.png import check_png

_EXACT = ("PNG", "TIFF", "BMP", "PPM")  # a GIF numbers its colours anew, a JPEG changes them
_BITS = 24  # where a PNG says how many bits a pixel has, and behind it that it is grey: 0


def check_sizes(labels: Index, images: Index) -> None:
    """Raises a `ConfigError` naming the first label image that has another size than its image."""
    for i in np.flatnonzero((labels.sizes != images.sizes).any(axis=1))[:1]:
        (h, w), (height, width) = labels.sizes[i], images.sizes[i]
        raise ConfigError(f"{labels.name(i)} has {h} x {w} pixels, and its image {images.name(i)} {height} x {width}")


def lookup(numbers: Mapping[int, int]) -> np.ndarray:
    """Returns what each number in a file stands for, (256,) uint8: others than these for no label."""
    table = np.full(256, VOID, np.uint8)
    table[list(numbers)] = list(numbers.values())
    return table


@dataclasses.dataclass(frozen=True)
class LabelImages:
    """M files of labels.

    Attributes:
        index: where they are.
        table: (256,) uint8: what each number in a file stands for, a class or `VOID`; None: itself.
        classes: their number.
        allowed: the numbers that files may hold; None: any that `table` makes a class or `VOID`.
    """

    index: Index
    classes: int
    table: np.ndarray | None = None
    allowed: tuple[int, ...] | None = None

    def take(self, which: slice) -> "LabelImages":
        """Returns some of them."""
        return dataclasses.replace(self, index=self.index.take(which))

    def fingerprint(self) -> str:
        """Returns a hash of what the index knows of the files, and of what their numbers stand for."""
        table = b"" if self.table is None else self.table.tobytes()
        return hashlib.sha256(self.index.fingerprint().encode() + table).hexdigest()

    def labels(self, i: int) -> np.ndarray:
        """Returns the labels of image `i`, (h, w) uint8, `VOID` where there is none.

        Raises:
            ConfigError: if it can't be read, has colours, or labels that are no class; it says which.
        """
        name = self.index.name(i)
        try:
            (data,) = self.index.read(np.array([i]))
            check_png(data)
            with Image.open(io.BytesIO(data)) as image:
                mode, numbers, kind, pages = image.mode, np.asarray(image), image.format, getattr(image, "n_frames", 1)
        except Exception as error:  # Pillow has many words for a damaged file
            raise ConfigError(f"{name} can't be read: {str(error) or type(error).__name__}") from None
        if kind not in _EXACT:
            raise ConfigError(f"{name} is a {kind}, which need not keep numbers as they were: a label image is a PNG")
        if pages != 1:
            raise ConfigError(f"{name} holds {pages} images: a label image is one")
        if kind == "PNG" and data[_BITS : _BITS + 2] in (b"\x02\x00", b"\x04\x00"):
            raise ConfigError(
                f"{name} is grey with {data[_BITS]} bits per pixel, whose numbers readers of PNGs scale up to 255: "
                "save it with 8 bits, or with a palette"
            )
        if numbers.ndim != 2 or mode not in ("L", "P", "1", "I", "I;16"):
            raise ConfigError(f"{name} has colours (mode {mode}): a label image has one number per pixel, or a palette")
        for number in (int(numbers.max(initial=0)), int(numbers.min(initial=0))):
            if not 0 <= number <= 255:
                raise ConfigError(f"{name} holds the label {number}: numbers go from 0 to 255")
        numbers = numbers.astype(np.uint8)
        if self.allowed is not None:
            known = np.zeros(256, bool)
            known[list(self.allowed)] = True
            if (other := numbers[~known[numbers]]).size:
                last = max(number for number in self.allowed if number != VOID)
                raise ConfigError(f"{name} holds the label {int(other[0])}: numbers go to {last} ({VOID}: no label)")
        found = numbers if self.table is None else self.table[numbers]
        if tuple(found.shape) != tuple(self.index.sizes[i]):
            raise ConfigError(f"{name} has another size than when its index was made")
        outside = found[(found >= self.classes) & (found != VOID)]
        if outside.size:
            raise ConfigError(
                f"{name} holds the label {int(outside[0])}, but of {self.classes} classes the last is "
                f"{self.classes - 1} ({VOID}: no label)"
            )
        return found

    def seen(self, ids: np.ndarray, windows: CropWindows, size: Size) -> np.ndarray:
        """Returns the labels in parts of the images of ids (n,), (n, H, W) uint8: each pixel has its nearest's.

        Args:
            ids: of the images.
            windows: the part of each.
            size: (H, W) of what comes out; beyond the scaled image there is no label.
        """
        made = np.full((len(ids), *size), VOID, np.uint8)
        for place, i in enumerate(ids):
            corner, shape, scaled, kept = (part[place] for part in windows)
            counts = np.minimum(size, scaled - kept)
            rows, columns = (
                corner[axis] + (2 * (kept[axis] + np.arange(counts[axis])) + 1) * shape[axis] // (2 * scaled[axis])
                for axis in (0, 1)
            )
            made[place, : counts[0], : counts[1]] = self.labels(int(i))[rows][:, columns]
        return made
