"""The ops that change the size of images, and the sizes that images have along a pipeline."""

import dataclasses
from collections.abc import Iterable
from typing import Any, ClassVar

from sbn.augment import draws
from sbn.augment.draws import NUMPY, ArrayLibrary
from sbn.augment.op import Op, number, span, whole_numbers

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


@dataclasses.dataclass(frozen=True)
class Fit(Op):
    """Resizes an image, whole, to the largest size within height x width, and fills up at the bottom and on the right.

    So images of all sizes come onto one canvas: detectors and segmentation see them whole. `multiple` rounds the sides
    of the canvas up, and not the image: mmdetection's Faster R-CNN has images within 600 x 1000 on sides of a multiple
    of 32, `fit(600, 1000, 32)`. `turned` turns the canvas by a quarter for images that are higher than wide: a batch
    holds images of one of the two (`sbn.data.canvases`), and a step is compiled once for each. For images that stay
    encoded; where all have one size, `resize` is enough.
    """

    name: ClassVar[str] = "fit"
    height: int = number(low=1, high=65536)
    width: int = number(low=1, high=65536)
    multiple: int = number(low=1, high=65536, default=1)
    turned: bool = False

    def draws_needed(self, image_size: Size) -> int:
        """None."""
        return 0

    def size_after(self, image_size: Size) -> Size:
        """Returns (height, width) of the canvas of images of (height, width)."""
        height, width = (-(-side // self.multiple) * self.multiple for side in (self.height, self.width))
        return (width, height) if self.turned and image_size[0] > image_size[1] else (height, width)

    def on(self, portrait: bool) -> "Fit":
        """Returns what it is for images that are higher than wide, or for the others, which all have one canvas."""
        sides = (self.width, self.height) if self.turned and portrait else (self.height, self.width)
        return Fit(*sides, self.multiple)


@dataclasses.dataclass(frozen=True)
class RandomScale(Op):
    """Resizes an image by a random factor and cuts out height x width, with fillers where the image is smaller.

    The factor is uniform in `scale`, 1 being the size that the image has in its file; the window lies anywhere inside
    the image, and one that is smaller lies in the upper left corner. Training as in PSPNet's code (Zhao et al. 2017)
    is `random_scale(713, 713)`. For images that stay encoded: one of them is scaled once, whatever is cut out.
    """

    name: ClassVar[str] = "random_scale"
    height: int = number(low=1, high=65536)
    width: int = number(low=1, high=65536)
    scale: tuple[float, float] = span(low=0.01, high=100, default=(0.5, 2.0))

    def draws_needed(self, image_size: Size) -> int:
        """Three: the factor, the window's row and column."""
        return 3

    def size_after(self, image_size: Size) -> Size:
        """Returns (height, width) of what comes out."""
        return self.height, self.width


SIZE_OPS = (RandomCrop, InceptionCrop, Resize, CentreCrop)


def sizes(ops: Iterable[Op], image_size: Size) -> tuple[Size, ...]:
    """Returns (height, width) of the images before every op, and last of what comes out.

    Whether the ops can be applied to them is what `sbn.augment.size_checks` checks.
    """
    found = [image_size]
    for op in ops:
        found.append(op.size_after(found[-1]) if isinstance(op, SizeOp | Fit | RandomScale) else found[-1])
    return tuple(found)


def turns(ops: Iterable[Op]) -> bool:
    """Returns whether images that are higher than wide have a canvas of their own."""
    return any(isinstance(op, Fit) and op.turned for op in ops)


def on_canvas(ops: tuple[Op, ...], *, portrait: bool) -> tuple[Op, ...]:
    """Returns a pipeline as it is for images that are higher than wide, or for the others."""
    return tuple(op.on(portrait) if isinstance(op, Fit) else op for op in ops)


def canvases(ops: tuple[Op, ...]) -> tuple[tuple[Op, ...], ...]:
    """Returns the pipelines that images of either kind go through; itself alone, where these are the same."""
    return tuple(on_canvas(ops, portrait=portrait) for portrait in (False, True)) if turns(ops) else (ops,)


_NO_EPOCH = 0xFFFFFFFF  # a step has this in the place of an epoch, and its number in that of an example


@dataclasses.dataclass(frozen=True)
class RandomCropOf(Op):
    """`random_crop(size)`, of a size that every mini-batch draws anew, uniform over `sizes`.

    Consistent Normalization (Zhou et al. 2019, Table 3) trains on windows of 32 to 224 pixels as they are. A step is
    compiled once for each size that comes up. Views of training alone can have it, and only on the host path: a
    device makes images of sizes that are known before.
    """

    name: ClassVar[str] = "random_crop_of"
    sizes: tuple[int, ...] = whole_numbers(low=1, high=65536)

    def draws_needed(self, image_size: tuple[int, int]) -> int:
        """One: the size, for all images of a mini-batch together."""
        return 1


def variants(ops: tuple[Op, ...]) -> tuple[tuple[Op, ...], ...]:
    """Returns the pipelines that a mini-batch may draw: itself alone, where sizes are not drawn.

    Raises:
        ValueError: sizes are drawn twice.
    """
    places = [place for place, op in enumerate(ops) if isinstance(op, RandomCropOf)]
    if not places:
        return (ops,)
    if len(places) > 1:
        raise ValueError("random_crop_of appears twice; a mini-batch draws one size")
    (place,) = places
    op = ops[place]
    assert isinstance(op, RandomCropOf)
    return tuple((*ops[:place], RandomCrop(size), *ops[place + 1 :]) for size in op.sizes)


def drawn(count: int, *, seed: Any, stage: Any, step: Any, stream: int, library: ArrayLibrary = NUMPY) -> Any:
    """Returns which of `count` variants the mini-batch of a step gets, a 0-d int32 of the array library.

    Args:
        count: how many there are.
        seed: the experiment's.
        stage: index of the stage.
        step: number of the step in its stage.
        stream: of the view's draws.
        library: the array library.
    """
    bits = draws.bits(seed, step, stage=stage, epoch=_NO_EPOCH, view=stream, draws=range(1), library=library)
    return draws.index(bits, count, library)[0, 0]
