"""The crops that bring images of different sizes, still encoded, to one size: the first ops of a pipeline.

What is looked at of an image is a window of it, the size that the window is scaled to, and the part of that which is
kept. These are computed for many images at once, in NumPy, from the very draws that the ops read where all images are
of one size.
"""

import dataclasses
from typing import NamedTuple

import numpy as np

from sbn.augment.boxes import begin, end, move
from sbn.augment.draws import NUMPY, below_each
from sbn.augment.inception import draw_windows
from sbn.augment.op import Op
from sbn.augment.places import of_scale
from sbn.augment.size_checks import check_fits
from sbn.augment.size_ops import CentreCrop, Fit, InceptionCrop, RandomCrop, RandomScale, Resize, Size, sizes, turns

_CUTS = (InceptionCrop, RandomCrop, CentreCrop, Fit, RandomScale)
HOW = (
    "begin with inception_crop(size), fit(height, width) or random_scale(height, width), or with resize(size) and "
    "random_crop(size) or centre_crop(size)"
)


HOW_EVALUATED = "begin with fit(height, width), or with resize(size) and centre_crop(size)"


@dataclasses.dataclass(frozen=True)
class EncodedCrop:
    """A pipeline, taken apart.

    Attributes:
        resize: how the whole image is scaled first, if it is.
        cut: what brings all images to one size.
        rest: what follows, on images of one size.
    """

    resize: Resize | None
    cut: InceptionCrop | RandomCrop | CentreCrop | Fit | RandomScale
    rest: tuple[Op, ...]

    @property
    def size(self) -> Size:
        """(H, W) of what comes out; where canvases turn, of images that are not higher than wide."""
        return self.cut.size_after((1, 1))

    def canvas(self, image_sizes: np.ndarray) -> Size:
        """Returns (H, W) of what images of sizes (N, 2) can lie on together."""
        height, width = self.size
        portrait = image_sizes[:, 0] > image_sizes[:, 1]
        if not turns((self.cut,)) or not portrait.any():
            return height, width
        return (width, height) if portrait.all() else (max(height, width), max(height, width))

    @property
    def scales(self) -> bool:
        """Whether anything is resized, rather than cut out as it is."""
        return self.resize is not None or isinstance(self.cut, InceptionCrop | Fit | RandomScale)

    @property
    def pads(self) -> bool:
        """Whether there may be more room than image: filler, at the bottom and on the right."""
        return isinstance(self.cut, Fit | RandomScale)


class CropWindows(NamedTuple):
    """What is kept of each of N images; rows, then columns; each (N, 2) int32.

    Attributes:
        corner: the window's upper left corner in the image.
        shape: height and width of the window.
        scaled: height and width that the window is scaled to.
        kept: upper left corner, in the scaled window, of the pixels that are kept.
    """

    corner: np.ndarray
    shape: np.ndarray
    scaled: np.ndarray
    kept: np.ndarray


def split_crop(ops: tuple[Op, ...], *, how: str = HOW) -> EncodedCrop:
    """Takes apart a pipeline for images of different sizes; `how` says how one can begin, for the message.

    Raises:
        ValueError: one line, if its first ops leave them different, or the rest has a second crop of this kind.
    """
    resize = ops[0] if ops and isinstance(ops[0], Resize) else None
    rest = ops[1:] if resize else ops
    if (
        not rest
        or not isinstance(rest[0], _CUTS)
        or (resize and isinstance(rest[0], InceptionCrop | Fit | RandomScale))
    ):
        raise ValueError(f"the images differ in size: {how}")
    cut, rest = rest[0], rest[1:]
    if any(type(op) is type(cut) for op in rest) and not isinstance(cut, CentreCrop):
        # its draws would have the addresses of the first one's
        raise ValueError(
            f"{cut.name} appears twice; with images of different sizes it brings them to one size, and is allowed once"
        )
    return EncodedCrop(resize, cut, rest)


def check_crop(ops: tuple[Op, ...], *, least: int, how: str = HOW) -> Size:
    """Returns (H, W) of what a pipeline makes of images of different sizes.

    Args:
        ops: the pipeline.
        least: the shortest side of any of the images.
        how: as for `split_crop`.

    Raises:
        ValueError: one line, if it can't be applied to them.
    """
    crop = split_crop(ops, how=how)
    side = crop.resize.size if crop.resize else least
    if isinstance(crop.cut, RandomCrop | CentreCrop) and crop.cut.size > side:
        before = f"resize({side}) leaves" if crop.resize else "there are"
        raise ValueError(f"{crop.cut.name}(size) is {crop.cut.size}, but {before} images with a side of {side}")
    for portrait in {False, turns(ops)}:
        check_fits(crop.rest, image_size=crop.size[::-1] if portrait else crop.size)
    return sizes(crop.rest, crop.size)[-1]


def crop_windows(crop: EncodedCrop, bits: np.ndarray, image_sizes: np.ndarray) -> CropWindows:
    """Returns the windows that draws stand for.

    Args:
        crop: of the pipeline.
        bits: (N, draws) uint32, those of `crop.cut`.
        image_sizes: (N, 2) heights and widths.
    """
    whole = image_sizes.astype(np.int64)
    if isinstance(crop.cut, InceptionCrop):
        windows = draw_windows(crop.cut, bits, image_size=(whole[:, 0], whole[:, 1]))
        found = np.stack(windows, axis=1)
        return _crop_windows(found[:, :2], found[:, 2:], np.full_like(whole, crop.cut.size), np.zeros_like(whole))
    if isinstance(crop.cut, Fit):
        return _crop_windows(np.zeros_like(whole), whole, _fitting(crop.cut, whole), np.zeros_like(whole))
    if isinstance(crop.cut, RandomScale):
        low, high = crop.cut.scale
        factors = low + (high - low) * ((bits[:, 0] >> 18) + 0.5) / (1 << 14)  # 2**14 equally spaced ones
        scaled = np.maximum(np.rint(whole * factors[:, None]), 1).astype(np.int64)
        room = np.maximum(scaled - crop.cut.size_after((1, 1)), 0)
        kept = np.stack([below_each(bits[:, 1 + axis], room[:, axis] + 1) for axis in (0, 1)], axis=1)
        return _crop_windows(np.zeros_like(whole), whole, scaled, kept)
    scaled = whole
    if crop.resize:
        scaled = crop.resize.size * whole // whole.min(axis=1, keepdims=True)  # as `Resize.size_after`
    room = scaled - crop.cut.size
    kept = room // 2
    if isinstance(crop.cut, RandomCrop):
        kept = np.stack([below_each(bits[:, axis], room[:, axis] + 1) for axis in (0, 1)], axis=1)
    if crop.resize:
        return _crop_windows(np.zeros_like(whole), whole, scaled, kept)
    return _crop_windows(kept, np.full_like(whole, crop.cut.size), np.full_like(whole, crop.cut.size), 0 * whole)


def _fitting(fit: Fit, whole: np.ndarray) -> np.ndarray:
    """The largest sizes (N, 2) within height x width of images of the same ratios, in whole numbers."""
    height, width = whole.T
    turned = fit.turned & (height > width)
    high, wide = (np.where(turned, *sides) for sides in ((fit.width, fit.height), (fit.height, fit.width)))
    by_height = np.stack([high, np.maximum(high * width // height, 1)], axis=1)
    by_width = np.stack([np.maximum(wide * height // width, 1), wide], axis=1)
    return np.where((high * width <= wide * height)[:, None], by_height, by_width)


def _crop_windows(*parts: np.ndarray) -> CropWindows:
    return CropWindows(*(part.astype(np.int32) for part in parts))


def move_boxes(crop: EncodedCrop, windows: CropWindows, boxes: np.ndarray, *, least: float = 0.0) -> np.ndarray:
    """Returns boxes (N, B, 4) float32 in the images that the windows make, as `sbn.augment.boxes` has them.

    Args:
        crop: of the pipeline.
        windows: of each image.
        boxes: (N, B, 4) float32 in the whole images: (y0, x0, y1, x1) in pixels, half-open.
        least: the share of a box that must be left; otherwise it is gone, that is, zeros.
    """
    down, across = np.split(np.float32(windows.scaled / windows.shape), 2, axis=1)
    top, left = np.split(np.float32(windows.corner), 2, axis=1)
    scaled = of_scale(down, across, top, left, NUMPY)
    row, column = np.split(np.float32(windows.kept), 2, axis=1)
    room = crop.size
    if turns((crop.cut,)):  # whole images, of which nothing is cut off
        room = (max(room), max(room))
    moved = move(begin(boxes, NUMPY), scaled._replace(y0=scaled.y0 - row, x0=scaled.x0 - column), room, NUMPY)
    return np.stack(end(moved, least=least, library=NUMPY), axis=-1)


def original_boxes(crop: EncodedCrop, boxes: np.ndarray, image_sizes: np.ndarray) -> np.ndarray:
    """Returns boxes (N, B, 4) in the pixels of whole images, of boxes in what a pipeline without draws made of them.

    Args:
        crop: of the pipeline.
        boxes: (N, B, 4) in what it made: (y0, x0, y1, x1).
        image_sizes: (N, 2) heights and widths of the images; what lies beyond them is cut off.
    """
    windows = crop_windows(crop, np.zeros((len(boxes), 0), np.uint32), image_sizes)
    scale, corner, kept = (
        np.tile(np.asarray(each, np.float64), 2)[:, None]
        for each in (windows.shape / windows.scaled, windows.corner, windows.kept)
    )
    found: np.ndarray = (boxes + kept) * scale + corner
    return np.clip(found, 0, np.tile(image_sizes, 2)[:, None]).astype(np.float32)
