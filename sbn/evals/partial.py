"""A file with the part of a long evaluation that is done, from which a killed evaluation resumes."""

import hashlib
import io
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from etils import epath
from jax.experimental import multihost_utils

from sbn.runs.arrays import read_arrays
from sbn.runs.atomic import replace_bytes
from sbn.runs.content import Damaged

NAME = "partial.npz"


class Partial:
    """An array of whole numbers, filled row by row; -1 where it is not filled yet.

    The file is found again only by an evaluation of the same fingerprint. Who writes the result removes it.

    Args:
        folder: of the evaluator; None: nothing is kept.
        fingerprint: of all that the numbers depend on.
        every: seconds between two writes.
        clock: returns seconds; injected by tests.
    """

    def __init__(
        self,
        folder: epath.Path | None,
        fingerprint: str,
        *,
        every: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = folder / NAME if folder is not None else None
        self._fingerprint, self._every, self._clock = fingerprint, every, clock
        self._last = clock()

    def read(self, shape: tuple[int, int]) -> np.ndarray:
        """Returns the array of `shape`, as far as it was filled: the same on all processes."""
        counts = np.full(shape, -1, np.int32)
        if self._path is not None and self._path.exists() and jax.process_index() == 0:
            try:
                stored = read_arrays(self._path) or {}
                if str(stored["fingerprint"]) == self._fingerprint and stored["counts"].shape == shape:
                    counts = stored["counts"]
            except (Damaged, KeyError):
                pass  # a file of something else, or damaged: its work is done again
        # A copy: what comes back may not be writable.
        return np.array(multihost_utils.broadcast_one_to_all(counts))

    def keep(self, counts: np.ndarray) -> None:
        """Writes the array, if it is time; of several processes one does."""
        now = self._clock()
        if self._path is None or jax.process_index() != 0 or now - self._last < self._every:
            return
        self._last = now
        packed = io.BytesIO()
        np.savez(packed, fingerprint=np.asarray(self._fingerprint), counts=counts)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_bytes(self._path, packed.getvalue())
        except OSError:  # what is kept against a kill is no reason to stop
            self._path = None


def fingerprint(*parts: Any) -> str:
    """Returns a hash of every array and string in `parts`, with their names, shapes and kinds."""
    digest = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(parts):
        array = np.asarray(leaf)
        digest.update(f"{jax.tree_util.keystr(path)} {array.shape} {array.dtype}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
