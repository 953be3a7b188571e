"""Images that stay encoded, in files: they look like an array of what evaluation sees of them."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from sbn.augment.framing import check_framing
from sbn.augment.op import Op
from sbn.data.index import Index
from sbn.data.without_gpu import hide_gpus


class EncodedImages:
    """The M images of an index, of any sizes. What is asked for is read, decoded and brought to one size then.

    Args:
        index: where they are.
        ops: the pipeline that evaluation sees them through; it draws nothing.

    Attributes:
        index: where they are.
        least: the shortest side of any of them.
        shape: (M, H, W, 3), of what comes out of the pipeline.

    Raises:
        ValueError: one line, if the pipeline can't be applied to them.
    """

    def __init__(self, index: Index, ops: tuple[Op, ...]) -> None:
        self.index, self._ops = index, ops
        self.least = int(index.sizes.min()) if len(index) else 1
        self.shape = (len(index), *check_framing(ops, least=self.least), 3)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, which: slice | np.ndarray) -> np.ndarray:
        """Returns a slice, or the images of an array of ids: (n, H, W, 3) uint8."""
        return self._show(np.arange(len(self))[which])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Returns all of them: mind how many they are."""
        return np.asarray(self[:], dtype)

    @functools.cached_property
    def _show(self) -> Callable[[np.ndarray], np.ndarray]:
        hide_gpus()
        from sbn.data.framed import make_show

        return make_show(self.index, self._ops)
