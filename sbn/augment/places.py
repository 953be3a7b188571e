"""Where ops that resize put things: computed once from their draws, and offered to pixels, masks and boxes alike."""

from collections.abc import Callable
from typing import Any

import numpy as np

from sbn.augment import draws, ops, size_ops
from sbn.augment.boxes import UNIT, BoxMap
from sbn.augment.draws import ArrayLibrary
from sbn.augment.inception import Windows, draw_windows
from sbn.augment.op import Op
from sbn.augment.size_ops import Size


def locate(op: Any, bits: Any, *, image_size: Size, library: ArrayLibrary) -> Any:
    """Returns where an op puts things, as its own function in `host` or `device` and `box_map` understand it.

    Args:
        op: one of `PLACED`.
        bits: (N, draws) uint32, the op's.
        image_size: (H, W) before it, static.
        library: the array library.

    Returns:
        of `inception_crop` the `Windows`; of `resize_and_pad` the upper left corner, row and column (N or 1, 1) int32;
        of `resize` nothing.
    """
    if isinstance(op, size_ops.InceptionCrop):
        return draw_windows(op, bits, image_size=image_size, library=library)
    return _corner(op, bits, image_size, library) if isinstance(op, ops.ResizeAndPad) else None


def box_map(op: Any, place: Any, *, image_size: Size, library: ArrayLibrary) -> BoxMap:
    """Returns what an op of `PLACED` does to positions; `place` is what `locate` returned."""
    return _MAPS[type(op)](op, place, image_size, library)


def of_scale(down: Any, across: Any, top: Any, left: Any, library: ArrayLibrary) -> BoxMap:
    """Returns y' = down * (y - top), x' = across * (x - left), each float32 (N, 1)."""
    y0, x0 = (
        library.math.rint(start * factor * np.float32(-UNIT)) * np.float32(1 / UNIT)
        for start, factor in ((top, down), (left, across))
    )
    return BoxMap(yy=down, y0=y0, xx=across, x0=x0, area=down * across)


def _corner(op: ops.ResizeAndPad, bits: Any, image_size: Size, library: ArrayLibrary) -> list[Any]:
    room = [size - op.size for size in image_size]
    if op.placement == "random":
        return [draws.index(bits[:, axis, None], space + 1, library) for axis, space in enumerate(room)]
    starts = [space // 2 if op.placement == "centre" else 0 for space in room]
    return [np.full((1, 1), start, np.int32) for start in starts]


def _of_resize(op: size_ops.Resize, place: None, image_size: Size, library: ArrayLibrary) -> BoxMap:
    down, across = (after / side for after, side in zip(op.size_after(image_size), image_size, strict=True))
    return BoxMap(yy=down, xx=across, area=down * across)


def _of_inception(op: size_ops.InceptionCrop, place: Windows, image_size: Size, library: ArrayLibrary) -> BoxMap:
    # looked up, since division is not rounded alike everywhere
    scales = [np.float32(op.size / np.arange(1, side + 1)) for side in image_size]
    down, across = (
        library.take(scale, side - 1)[:, None] for scale, side in zip(scales, (place.height, place.width), strict=True)
    )
    top, left = (library.float32(start)[:, None] for start in (place.top, place.left))
    return of_scale(down, across, top, left, library)


def _of_pad(op: ops.ResizeAndPad, place: list[Any], image_size: Size, library: ArrayLibrary) -> BoxMap:
    top, left = (library.float32(start) for start in place)
    down, across = (op.size / side for side in image_size)
    return BoxMap(yy=down, y0=top, xx=across, x0=left, area=down * across)


_MAPS: dict[type[Op], Callable[[Any, Any, Size, ArrayLibrary], BoxMap]] = {
    size_ops.Resize: _of_resize,
    size_ops.InceptionCrop: _of_inception,
    ops.ResizeAndPad: _of_pad,
}
PLACED = tuple(_MAPS)
