"""`python -m sbn.augment figure1 --data=cifar10`: the same images under weak and under strong augmentations.

The first figure of the split-BatchNorm paper (Merchant, Zoph, Cubuk 2020) shows an image clean and under MixUp, CutMix,
AutoAugment and RandAugment; here are also the weak augmentations of its main branch, and the two others of Table 4
that need no network. MixUp and CutMix mix every image with the one below it, at a share of one half, where training
draws the share.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sbn.augment import draws, pipeline
from sbn.data import sheet
from sbn.data.sheet import Pictures


class Column(NamedTuple):
    """One augmentation.

    Attributes:
        group: columns of one group stand under a common title.
        title: its name.
        how: its pipeline, a format string of `pad` (side / 8) and `hole` (side / 2); or a share in words.
        mix: makes its images of the originals and a seed, where it is no pipeline.
    """

    group: str
    title: str
    how: str
    mix: Callable[[np.ndarray, int], np.ndarray] | None = None


def mixup(images: np.ndarray, seed: int) -> np.ndarray:
    """Returns the mean of every image and the next: (M, H, W, 3) uint8."""
    del seed
    return ((images.astype(np.uint16) + np.roll(images, -1, axis=0)) // 2).astype(np.uint8)


def cutmix(images: np.ndarray, seed: int) -> np.ndarray:
    """Returns every image with a box of the next one, half as large as the image, around a drawn pixel."""
    out, partners = images.copy(), np.roll(images, -1, axis=0)
    bits = draws.bits(seed, range(len(images)), stage=0, epoch=0, view=0, draws=range(2))
    starts, ends = [], []
    for axis, size in enumerate(images.shape[1:3]):
        # wherever the centre may be so that the whole box is inside: half of the image is to be seen
        side = round(size * 0.5**0.5)
        starts.append(draws.below(bits[:, axis], size - side + 1).astype(int))
        ends.append(starts[-1] + side)
    for number, (top, left, low, right) in enumerate(zip(*starts, *ends, strict=True)):
        out[number, top:low, left:right] = partners[number, top:low, left:right]
    return out


WEAK, STRONG = "weak augmentations", "strong augmentations"
COLUMNS = (
    Column("", "Original", "none"),
    Column(WEAK, "Flip and crop", "crop({pad})|flip"),
    Column(WEAK, "with Cutout", "crop({pad})|flip|cutout({hole})"),
    Column(STRONG, "MixUp", "half of each", mixup),
    Column(STRONG, "CutMix", "half of each", cutmix),
    Column(STRONG, "AutoAugment", "autoaugment('cifar10')"),
    Column(STRONG, "RandAugment", "randaugment(3, 4)"),
    Column(STRONG, "AugMix", "augmix"),
    Column(STRONG, "Gaussian noise", "gaussian(0.2)"),
)
_CELL = 128  # smaller images are enlarged by whole factors to about this
_GAP, _GROUP_GAP, _MARGIN = 6, 28, 16
_HEADER = 74  # group, title, pipeline
_INK, _PALE = (20, 20, 20), (110, 110, 110)


def draw(source: Pictures, *, seed: int) -> Image.Image:
    """Returns the figure: a row an image, a column an augmentation.

    Args:
        source: at least two images.
        seed: of the draws.
    """
    height, width = source.images.shape[1:3]
    zoom = max(1, round(_CELL / max(height, width)))
    tall, wide = height * zoom + _GAP, width * zoom + _GAP
    lefts, left = [], _MARGIN
    for number, column in enumerate(COLUMNS):
        left += _GROUP_GAP if number and column.group != COLUMNS[number - 1].group else 0
        lefts.append(left)
        left += wide
    figure = Image.new("RGB", (left + _MARGIN - _GAP, _MARGIN + _HEADER + len(source) * tall + _MARGIN - _GAP), "white")
    pen = ImageDraw.Draw(figure)
    for group in (WEAK, STRONG):
        members = [left for left, column in zip(lefts, COLUMNS, strict=True) if column.group == group]
        ends = members[0], members[-1] + wide - _GAP
        _write(pen, group, ends, _MARGIN, size=18)
        pen.line((ends[0], _MARGIN + 26, ends[1], _MARGIN + 26), fill=_PALE, width=1)
    for left, column in zip(lefts, COLUMNS, strict=True):
        ends = left, left + wide - _GAP
        how = column.how.format(pad=max(height // 8, 1), hole=max(height // 2, 2))
        _write(pen, column.title, ends, _MARGIN + 32, size=15)
        _write(pen, "" if how == "none" else how, ends, _MARGIN + 53, size=11, ink=_PALE)
        for row, image in enumerate(_augmented(source, column, how, seed)):
            cell = Image.fromarray(image.repeat(zoom, axis=0).repeat(zoom, axis=1))
            figure.paste(cell, (left, _MARGIN + _HEADER + row * tall))
    return figure


def _augmented(source: Pictures, column: Column, how: str, seed: int) -> np.ndarray:
    if column.mix is not None:
        return column.mix(source.images, seed)
    return sheet.draw(source, pipeline.parse(how), draws=1, seed=seed)[:, 1]


def _write(
    pen: ImageDraw.ImageDraw,
    text: str,
    ends: tuple[int, int],
    top: int,
    *,
    size: int,
    ink: tuple[int, int, int] = _INK,
) -> None:
    """Writes centred between the ends, in letters of `size` pixels, or as much smaller as the room demands."""
    room = ends[1] - ends[0]
    font = ImageFont.load_default(size)
    while pen.textlength(text, font=font) > room and size > 6:
        size -= 1
        font = ImageFont.load_default(size)
    pen.text(((ends[0] + ends[1]) / 2, top), text, fill=ink, font=font, anchor="ma")
