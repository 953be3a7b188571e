"""Flips, crops and cutouts, the same lines on every array library.

All of them treat rows and columns apart, so a run of them is followed backwards from the output: a row and a column
coordinate per image, which every op turns into those of its own input. What is left to do is one gather.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sbn.augment import draws, ops, size_ops
from sbn.augment.draws import ArrayLibrary
from sbn.augment.packing import FILLER, grey

_Size = tuple[int, int]
# Where pixels are covered, bool (N, H', W'), and by which packed word
Cover = tuple[Any, int]


def walk(
    run: Sequence[tuple[ops.Op, Any]], *, image_size: _Size, library: ArrayLibrary
) -> tuple[Any, Any, list[Cover]]:
    """Follows a run of `CROP_OPS` back to its input.

    Args:
        run: (op, its draws (N, draws) uint32), in order.
        image_size: (H, W), static.
        library: the array library.

    Returns:
        the row (1 or N, H') and the column (1 or N, W') that every pixel of the result shows, int32, off the image
        where it shows none; and what covers it: bool (N, H', W') with the packed word that is seen there, later ones
        over earlier ones.
    """
    *before, after = size_ops.sizes([op for op, _ in run], image_size)
    rows, columns = (np.arange(size, dtype=np.int32)[None] for size in after)
    covers: list[Cover] = []
    for (op, bits), size in zip(reversed(run), reversed(before), strict=True):
        rows, columns, cover = _STEPS[type(op)](op, bits, rows, columns, size, library)
        covers = covers if cover is None else [cover, *covers]
    return rows, columns, covers


def outside(coordinates: Any, size: int) -> Any:
    """Returns whether coordinates lie off an image of that side."""
    return (coordinates < 0) | (coordinates >= size)


def near(coordinates: Any, centre: Any, before: Any, after: Any) -> Any:
    """Returns whether coordinates lie in centre - before .. centre + after - 1; all broadcast."""
    # the centre first: it is a tensor, the coordinates may be NumPy's
    return (centre - before <= coordinates) & (centre + after > coordinates)


def square(centre: Sequence[Any], before: Any, after: Any, *, image_size: _Size) -> Any:
    """Returns the pixels of one square an image, cut off at the border, as (N, H, W) bool.

    Args:
        centre: row and column, (N, 1) int32 each.
        before: how far it reaches up and left, (N, 1) int32.
        after: how far it reaches down and right, less one.
        image_size: (H, W), static.
    """
    rows, columns = (
        near(np.arange(size, dtype=np.int32)[None], at, before, after)
        for size, at in zip(image_size, centre, strict=True)
    )
    return rows[:, :, None] & columns[:, None, :]


def _flip(
    op: ops.Flip, bits: Any, rows: Any, columns: Any, image_size: _Size, library: ArrayLibrary
) -> tuple[Any, Any, None]:
    flipped = draws.unit(bits[:, :1], library) < np.float32(op.probability)
    return rows, library.where(flipped, image_size[1] - 1 - columns, columns), None


def _crop(
    op: ops.Crop, bits: Any, rows: Any, columns: Any, image_size: _Size, library: ArrayLibrary
) -> tuple[Any, Any, Any]:
    def shifted(coordinates: Any, axis: int) -> Any:
        size = image_size[axis]
        moved = draws.index(bits[:, axis, None], 2 * op.pad + 1, library) - op.pad + coordinates
        if op.fill == "reflect":
            moved = size - 1 - abs(size - 1 - abs(moved))
        # A coordinate that a later crop already put outside must not come back in through this one.
        return library.where(outside(coordinates, size), -1, moved)

    moved = shifted(rows, 0), shifted(columns, 1)
    if isinstance(op.fill, str):
        return *moved, None
    # What a later crop put outside is that one's to fill.
    (row, row_before), (column, column_before) = (
        (outside(after, size), outside(before, size))
        for after, before, size in zip(moved, (rows, columns), image_size, strict=True)
    )
    covered = (row[:, :, None] | column[:, None, :]) & ~(row_before[:, :, None] | column_before[:, None, :])
    return *moved, (covered, grey(op.fill))


def _cutout(
    op: ops.Cutout, bits: Any, rows: Any, columns: Any, image_size: _Size, library: ArrayLibrary
) -> tuple[Any, ...]:
    row, column = (
        near(coordinates, draws.index(bits[:, axis, None], image_size[axis], library), op.half, op.half)
        for axis, coordinates in enumerate((rows, columns))
    )
    return rows, columns, (row[:, :, None] & column[:, None, :], FILLER)


def _random_crop(
    op: size_ops.RandomCrop, bits: Any, rows: Any, columns: Any, image_size: _Size, library: ArrayLibrary
) -> tuple[Any, Any, None]:
    row, column = (
        _moved(coordinates, draws.index(bits[:, axis, None], image_size[axis] - op.size + 1, library), op, library)
        for axis, coordinates in enumerate((rows, columns))
    )
    return row, column, None


def _centre_crop(
    op: size_ops.CentreCrop, bits: Any, rows: Any, columns: Any, image_size: _Size, library: ArrayLibrary
) -> tuple[Any, Any, None]:
    starts = [(size - op.size) // 2 for size in image_size]
    row, column = (_moved(at, start, op, library) for at, start in zip((rows, columns), starts, strict=True))
    return row, column, None


def _moved(coordinates: Any, start: Any, op: size_ops.SizeOp, library: ArrayLibrary) -> Any:
    # What a later crop put outside the window stays outside the image.
    return library.where(outside(coordinates, op.size), -1, start + coordinates)


_STEPS: dict[type[ops.Op], Callable[..., Any]] = {
    ops.Flip: _flip,
    ops.Crop: _crop,
    ops.Cutout: _cutout,
    size_ops.RandomCrop: _random_crop,
    size_ops.CentreCrop: _centre_crop,
}
CROP_OPS = tuple(_STEPS)
