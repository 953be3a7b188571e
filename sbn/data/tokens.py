"""Sequences of any length in memory: one flat array and where each begins, never Python lists."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

PADDING = 0  # what shorter sequences are filled up with: no token has this number


@dataclasses.dataclass(frozen=True)
class Ragged:
    """M sequences of whole numbers.

    Attributes:
        flat: all of them, one after the other, (total,) int32, or of fewer bits.
        offsets: (M + 1,) where each begins, and the end.
    """

    flat: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """(M,)."""
        return np.diff(self.offsets)

    def __getitem__(self, which: Any) -> Any:
        """Returns the sequences of ids (n,) as an array (n, L) int32, filled up with 0, L the longest of them.

        Of a slice a `Ragged` of them.
        """
        if isinstance(which, slice):
            start, stop, step = which.indices(len(self))
            if step != 1:
                return ragged([self.flat[self.offsets[i] : self.offsets[i + 1]] for i in range(start, stop, step)])
            stop = max(stop, start)
            offsets = self.offsets[start : stop + 1]
            return Ragged(self.flat[offsets[0] : offsets[-1]], offsets - offsets[0])
        ids = np.asarray(which)
        lengths = self.offsets[ids + 1] - self.offsets[ids]
        places = np.arange(int(lengths.max(initial=0)))
        inside = places < lengths[:, None]
        made = np.full(inside.shape, PADDING, np.int32)
        made[inside] = self.flat[(self.offsets[ids][:, None] + places)[inside]]
        return made


def ragged(sequences: Sequence[Any] | np.ndarray) -> Ragged:
    """Returns sequences of whole numbers from 1, or an array (M, L) of them filled up with 0, as `Ragged`.

    Raises:
        ValueError: one line, if they are anything else.
    """
    if isinstance(sequences, Ragged):
        return _checked(sequences)
    if not isinstance(sequences, np.ndarray | Sequence) or isinstance(sequences, str):
        raise ValueError(f"tokens are a list of sequences of whole numbers, not {type(sequences).__name__}")
    if isinstance(sequences, np.ndarray) and sequences.dtype != object:
        if sequences.ndim != 2:
            shape = ", ".join(map(str, sequences.shape))
            raise ValueError(f"tokens are sequences of whole numbers, or an array (M, L) of them, not ({shape})")
        rows = list(sequences)
    else:
        rows = [_row(number, row) for number, row in enumerate(sequences)]
    for number, row in enumerate(rows):
        if row.ndim != 1 or (row.size and not np.issubdtype(row.dtype, np.integer)):
            raise ValueError(f"tokens are whole numbers: example {number} is {row.dtype} {row.shape}")
    if isinstance(sequences, np.ndarray) and sequences.dtype != object:
        rows = [row[: np.max(np.flatnonzero(row), initial=-1) + 1] for row in rows]
    for number, row in enumerate(rows):
        if row.size and (row.min() <= PADDING or row.max() > np.iinfo(np.int32).max):
            why = "0 is what shorter ones are filled up with" if (row == PADDING).any() else "they must fit into int32"
            raise ValueError(f"tokens are numbers from 1: example {number} has {row.min()} to {row.max()}; {why}")
    flat = np.concatenate([np.zeros(0, np.int32), *rows]).astype(np.int32)
    return Ragged(flat, np.cumsum([0, *map(len, rows)]))


def _row(number: int, row: Any) -> np.ndarray:
    try:
        return np.asarray(row)
    except ValueError:  # a sequence within a sequence
        raise ValueError(f"tokens are whole numbers: example {number} holds sequences of its own") from None


def _checked(given: Ragged) -> Ragged:
    """Returns what a user's own function has made a `Ragged` of by itself, if it is one."""
    flat, offsets = np.asarray(given.flat), np.asarray(given.offsets)
    for name, array in (("flat", flat), ("offsets", offsets)):
        if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
            raise ValueError(f"{name} is an array of whole numbers of one axis, not {array.dtype} {array.shape}")
    offsets = offsets.astype(np.int64)
    if not len(offsets) or offsets[0] != 0 or offsets[-1] != len(flat):
        ends = f"{offsets[0]} to {offsets[-1]}" if len(offsets) else "of nothing"
        raise ValueError(f"offsets go from 0 to the {len(flat)} tokens that there are, not {ends}")
    if (np.diff(offsets) < 0).any():
        number = int(np.flatnonzero(np.diff(offsets) < 0)[0])
        raise ValueError(f"offsets never fall: example {number} is from {offsets[number]} to {offsets[number + 1]}")
    wrong = np.flatnonzero((flat <= PADDING) | (flat > np.iinfo(np.int32).max))
    if wrong.size:
        number = int(np.searchsorted(offsets, wrong[0], side="right")) - 1
        raise ValueError(f"tokens are numbers from 1 that fit into int32: example {number} has {flat[wrong[0]]}")
    return Ragged(flat.astype(np.int32) if flat.dtype.itemsize > 2 else flat, offsets)


def widened(array: np.ndarray, width: int, *, name: str) -> np.ndarray:
    """Returns tokens (n, L) cut or filled up to (n, width).

    Raises:
        ValueError: if that would cut off tokens.
    """
    if array[:, width:].any():
        raise ValueError(f"{name}: a sequence of a batch of width {width} is longer than that")
    missing = width - array.shape[1]
    return np.pad(array, ((0, 0), (0, missing)), constant_values=PADDING) if missing > 0 else array[:, :width]
