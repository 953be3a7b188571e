"""Flips, crops and cutouts, the same lines on every array library.

All of them treat rows and columns apart, so a run of them is followed backwards from the output: a row and a column
coordinate per image, which every op turns into those of its own input. What is left to do is one gather.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from sbn.augment import draws, ops, size_ops
from sbn.augment.boxes import BoxMap
from sbn.augment.draws import ArrayLibrary
from sbn.augment.packing import FILLER, grey

_Size = tuple[int, int]
# Where pixels are covered, bool (N, H', W'), and by which packed word
Cover = tuple[Any, int]


class Shift(NamedTuple):
    """Where pixels of one axis come from: place i of the result shows place sign * i + start of what came in.

    Numbers, or (N, 1) int32 each.
    """

    sign: Any = 1
    start: Any = 0


class Move(NamedTuple):
    """What one op does, computed once for pixels, masks and boxes.

    Attributes:
        op: of `CROP_OPS`.
        bits: (N, draws) uint32, its draws.
        rows: where rows come from; None if they stay.
        columns: where columns come from; None if they stay.
        before: (H, W) of what comes in.
        after: (H', W') of what comes out.
    """

    op: ops.Op
    bits: Any
    rows: Shift | None
    columns: Shift | None
    before: _Size
    after: _Size

    def box_map(self, library: ArrayLibrary) -> BoxMap:
        """Returns what the op does to positions; mirrored borders of `crop(fill='reflect')` show no second box."""
        (yy, y0), (xx, x0) = (_forward(shift, library) for shift in (self.rows, self.columns))
        return BoxMap(yy=yy, y0=y0, xx=xx, x0=x0)


def moves(run: Sequence[tuple[ops.Op, Any]], *, image_size: _Size, library: ArrayLibrary) -> list[Move]:
    """Returns what a run of `CROP_OPS` does, op by op.

    Args:
        run: (op, its draws (N, draws) uint32), in order.
        image_size: (H, W), static.
        library: the array library.
    """
    along = size_ops.sizes([op for op, _ in run], image_size)
    made = []
    for (op, bits), before, after in zip(run, along, along[1:], strict=False):
        made.append(Move(op, bits, *_SHIFTS[type(op)](op, bits, before, library), before, after))
    return made


def walk(run: Sequence[Move], *, library: ArrayLibrary) -> tuple[Any, Any, list[Cover]]:
    """Follows a run of ops back to its input.

    Args:
        run: what the ops do, in order.
        library: the array library.

    Returns:
        the row (1 or N, H') and the column (1 or N, W') that every pixel of the result shows, int32, off the image
        where it shows none; and what covers it: bool (N, H', W') with the packed word that is seen there, later ones
        over earlier ones.
    """
    rows, columns = (np.arange(size, dtype=np.int32)[None] for size in run[-1].after)
    covers: list[Cover] = []
    for move in reversed(run):
        shown = [
            _source(move, shift, at, axis, library)
            for axis, (shift, at) in enumerate(zip((move.rows, move.columns), (rows, columns), strict=True))
        ]
        if type(move.op) in _COVERS:
            covers = [*_COVERS[type(move.op)](move, (rows, columns), shown, library), *covers]
        rows, columns = shown
    return rows, columns, covers


def _source(move: Move, shift: Shift | None, coordinates: Any, axis: int, library: ArrayLibrary) -> Any:
    if shift is None:
        return coordinates
    moved = shift.sign * coordinates + shift.start
    size = move.before[axis]
    if isinstance(move.op, ops.Crop) and move.op.fill == "reflect":
        moved = size - 1 - abs(size - 1 - abs(moved))
    # What a later op put outside must not come back in through this one.
    return library.where(outside(coordinates, move.after[axis]), -1, moved)


def _forward(shift: Shift | None, library: ArrayLibrary) -> tuple[Any, Any]:
    """Factor and start that take edges of pixels from what comes in to what comes out."""
    sign, start = (part if isinstance(part, int) else library.float32(part) for part in shift or (1, 0))
    # pixel i has the edges i and i + 1; of a mirrored axis the later one comes first
    return sign, -sign * start + (1 - sign) * np.float32(0.5)


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


# Where rows and where columns come from
_Shifts = tuple[Shift | None, Shift | None]


def _flip(op: ops.Flip, bits: Any, image_size: _Size, library: ArrayLibrary) -> _Shifts:
    flipped = draws.unit(bits[:, :1], library) < np.float32(op.probability)
    last = np.int32(image_size[1] - 1)
    sign, start = (
        library.where(flipped, there, here) for there, here in ((np.int32(-1), np.int32(1)), (last, 0 * last))
    )
    return None, Shift(sign, start)


def _crop(op: ops.Crop, bits: Any, image_size: _Size, library: ArrayLibrary) -> _Shifts:
    row, column = (draws.index(bits[:, axis, None], 2 * op.pad + 1, library) - op.pad for axis in (0, 1))
    return Shift(start=row), Shift(start=column)


def _cutout(op: ops.Cutout, bits: Any, image_size: _Size, library: ArrayLibrary) -> _Shifts:
    return None, None


def _random_crop(op: size_ops.RandomCrop, bits: Any, image_size: _Size, library: ArrayLibrary) -> _Shifts:
    row, column = (
        draws.index(bits[:, axis, None], size - op.size + 1, library) for axis, size in enumerate(image_size)
    )
    return Shift(start=row), Shift(start=column)


def _centre_crop(op: size_ops.CentreCrop, bits: Any, image_size: _Size, library: ArrayLibrary) -> _Shifts:
    row, column = ((size - op.size) // 2 for size in image_size)
    return Shift(start=row), Shift(start=column)


_SHIFTS: dict[type[ops.Op], Callable[..., _Shifts]] = {
    ops.Flip: _flip,
    ops.Crop: _crop,
    ops.Cutout: _cutout,
    size_ops.RandomCrop: _random_crop,
    size_ops.CentreCrop: _centre_crop,
}
CROP_OPS = tuple(_SHIFTS)


def _padded(move: Move, at: Sequence[Any], shown: Sequence[Any], library: ArrayLibrary) -> list[Cover]:
    assert isinstance(move.op, ops.Crop)
    if isinstance(move.op.fill, str):
        return []
    # What a later crop put outside is that one's to fill.
    (row, row_before), (column, column_before) = (
        (outside(after, size), outside(before, size))
        for after, before, size in zip(shown, at, move.before, strict=True)
    )
    covered = (row[:, :, None] | column[:, None, :]) & ~(row_before[:, :, None] | column_before[:, None, :])
    return [(covered, grey(move.op.fill))]


def _hole(move: Move, at: Sequence[Any], shown: Sequence[Any], library: ArrayLibrary) -> list[Cover]:
    assert isinstance(move.op, ops.Cutout)
    row, column = (
        near(coordinates, draws.index(move.bits[:, axis, None], size, library), move.op.half, move.op.half)
        for axis, (coordinates, size) in enumerate(zip(at, move.before, strict=True))
    )
    return [(row[:, :, None] & column[:, None, :], FILLER)]


_COVERS: dict[type[ops.Op], Callable[[Move, Sequence[Any], Sequence[Any], ArrayLibrary], list[Cover]]] = {
    ops.Crop: _padded,
    ops.Cutout: _hole,
}
