"""What brings images that have sizes of their own to one size: the first ops of a pipeline, and where they look.

An image's frame is a window of it, the size that the window is scaled to, and the part of that which is kept. Frames
are computed for many images at once, in NumPy, from the very draws that the ops read where all images are of one size.
"""

import dataclasses
from typing import NamedTuple

import numpy as np

from sbn.augment.draws import below_each
from sbn.augment.fits import check_fits
from sbn.augment.inception import draw_windows
from sbn.augment.op import Op
from sbn.augment.size_ops import CentreCrop, InceptionCrop, RandomCrop, Resize, Size, sizes

_CUTS = (InceptionCrop, RandomCrop, CentreCrop)
HOW = "begin with inception_crop(size), or with resize(size) and random_crop(size) or centre_crop(size)"


@dataclasses.dataclass(frozen=True)
class Framing:
    """A pipeline, taken apart.

    Attributes:
        resize: how the whole image is scaled first, if it is.
        cut: what makes all images size x size.
        rest: what follows, on images of one size.
    """

    resize: Resize | None
    cut: InceptionCrop | RandomCrop | CentreCrop
    rest: tuple[Op, ...]

    @property
    def size(self) -> Size:
        """(H, W) of what the frame makes."""
        return self.cut.size, self.cut.size

    @property
    def scales(self) -> bool:
        """Whether anything is resized, rather than cut out as it is."""
        return self.resize is not None or isinstance(self.cut, InceptionCrop)


class Frames(NamedTuple):
    """Where each of N images is looked at; rows, then columns; each (N, 2) int32.

    Attributes:
        corner: the window's upper left corner in the image.
        shape: height and width of the window.
        scaled: height and width that the window is scaled to.
        kept: upper left corner, in the scaled window, of the size x size pixels that are kept.
    """

    corner: np.ndarray
    shape: np.ndarray
    scaled: np.ndarray
    kept: np.ndarray


def split_framing(ops: tuple[Op, ...]) -> Framing:
    """Takes apart a pipeline for images of different sizes.

    Raises:
        ValueError: one line, if its first ops leave them different, or the rest has an op that frames once more.
    """
    resize = ops[0] if ops and isinstance(ops[0], Resize) else None
    rest = ops[1:] if resize else ops
    if not rest or not isinstance(rest[0], _CUTS) or (resize and isinstance(rest[0], InceptionCrop)):
        raise ValueError(f"the images have sizes of their own: {HOW}")
    cut, rest = rest[0], rest[1:]
    if any(type(op) is type(cut) for op in rest) and not isinstance(cut, CentreCrop):
        # its draws would have the addresses of the first one's
        raise ValueError(f"{cut.name} stands there twice; for images that have sizes of their own it frames them, once")
    return Framing(resize, cut, rest)


def check_framing(ops: tuple[Op, ...], *, least: int) -> Size:
    """Returns (H, W) of what a pipeline makes of images of different sizes.

    Args:
        ops: the pipeline.
        least: the shortest side of any of the images.

    Raises:
        ValueError: one line, if it can't be applied to them.
    """
    framing = split_framing(ops)
    side = framing.resize.size if framing.resize else least
    if isinstance(framing.cut, RandomCrop | CentreCrop) and framing.cut.size > side:
        before = f"resize({side}) leaves" if framing.resize else "there are"
        raise ValueError(f"{framing.cut.name}(size) is {framing.cut.size}, but {before} images with a side of {side}")
    check_fits(framing.rest, image_size=framing.size)
    return sizes(framing.rest, framing.size)[-1]


def make_frames(framing: Framing, bits: np.ndarray, image_sizes: np.ndarray) -> Frames:
    """Returns the frames that draws stand for.

    Args:
        framing: of the pipeline.
        bits: (N, draws) uint32, those of `framing.cut`.
        image_sizes: (N, 2) heights and widths.
    """
    whole = image_sizes.astype(np.int64)
    if isinstance(framing.cut, InceptionCrop):
        windows = draw_windows(framing.cut, bits, image_size=(whole[:, 0], whole[:, 1]))
        found = np.stack(windows, axis=1)
        return _frames(found[:, :2], found[:, 2:], np.full_like(whole, framing.cut.size), np.zeros_like(whole))
    scaled = whole
    if framing.resize:
        scaled = framing.resize.size * whole // whole.min(axis=1, keepdims=True)  # as `Resize.size_after`
    room = scaled - framing.cut.size
    kept = room // 2
    if isinstance(framing.cut, RandomCrop):
        kept = np.stack([below_each(bits[:, axis], room[:, axis] + 1) for axis in (0, 1)], axis=1)
    if framing.resize:
        return _frames(np.zeros_like(whole), whole, scaled, kept)
    return _frames(kept, np.full_like(whole, framing.cut.size), np.full_like(whole, framing.cut.size), 0 * whole)


def _frames(*parts: np.ndarray) -> Frames:
    return Frames(*(part.astype(np.int32) for part in parts))
