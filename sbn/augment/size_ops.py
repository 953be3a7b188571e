"""The ops that change the size of images, and the sizes that images have along a pipeline."""

import dataclasses
from collections.abc import Iterable
from typing import ClassVar

from sbn.augment.arguments import number, span
from sbn.augment.op import Op

Size = tuple[int, int]

# Inception crop: an area and a ratio for each of ten tries, then the window's row and column
INCEPTION_TRIES = 10


@dataclasses.dataclass(frozen=True)
class SizeOp(Op):
    """An op that makes images of size x size, whatever came in."""

    size: int = number(low=1, high=65536)

    def draws_needed(self, image_size: Size) -> int:
        """None."""
        return 0

    def size_after(self, image_size: Size) -> Size:
        """Returns (height, width) of what comes out."""
        return self.size, self.size


@dataclasses.dataclass(frozen=True)
class RandomCrop(SizeOp):
    """Cuts out a window of size x size, uniform over all its places inside the image: no padding, no resizing.

    Consistent Normalization (Zhou et al. 2019, Table 3) trains on such windows of 32 to 224 pixels as they are.
    `crop(pad)` is the other random crop: it pads and keeps the size.
    """

    name: ClassVar[str] = "random_crop"

    def draws_needed(self, image_size: Size) -> int:
        """Two: the window's row and column."""
        return 2


@dataclasses.dataclass(frozen=True)
class InceptionCrop(SizeOp):
    """Cuts out a window of random area and aspect ratio and resizes it to size x size (Szegedy et al. 2015).

    The window's share of the image's area is uniform in `area`, its ratio of width to height log-uniform in `ratio`,
    sides rounded to whole pixels; the first of ten such windows that fits is put anywhere inside the image. Where none
    fits it is the largest one of a ratio in `ratio`, in the middle. Resized with Pillow's antialiased bilinear filter
    after it was cut out, as torchvision's RandomResizedCrop does. Fillers count as the colour that stands under them.
    """

    name: ClassVar[str] = "inception_crop"
    area: tuple[float, float] = span(low=1e-4, high=1, default=(0.08, 1.0))
    ratio: tuple[float, float] = span(low=0.01, high=100, default=(3 / 4, 4 / 3))

    def draws_needed(self, image_size: Size) -> int:
        """An area for each try, a ratio for each try, row, column."""
        return 2 * INCEPTION_TRIES + 2


@dataclasses.dataclass(frozen=True)
class Resize(SizeOp):
    """Resizes so that the shorter side becomes `size`, and the longer one floor(size * longer / shorter).

    Pillow's antialiased bilinear filter; fillers count as the colour that stands under them.
    ImageNet is evaluated at resize(256)|centre_crop(224).
    """

    name: ClassVar[str] = "resize"

    def size_after(self, image_size: Size) -> Size:
        """Returns (height, width) of what comes out."""
        height, width = (self.size * side // min(image_size) for side in image_size)
        return height, width


@dataclasses.dataclass(frozen=True)
class CentreCrop(SizeOp):
    """Cuts out the middle size x size; where the rest is odd, one more row or column goes below or on the right."""

    name: ClassVar[str] = "centre_crop"


SIZE_OPS = (RandomCrop, InceptionCrop, Resize, CentreCrop)


def sizes(ops: Iterable[Op], image_size: Size) -> tuple[Size, ...]:
    """Returns (height, width) of the images before every op, and last of what comes out.

    Whether the ops can be applied to them is what `sbn.augment.fits` checks.
    """
    found = [image_size]
    for op in ops:
        found.append(op.size_after(found[-1]) if isinstance(op, SizeOp) else found[-1])
    return tuple(found)
