"""The random numbers of a corruption, by address: (seed, type, severity, image id, index of the draw).

So an image's corruption depends neither on its batch nor on what was made before it, nor on how many threads make it.
"""

import dataclasses

import numpy as np

from sbn.augment import draws
from sbn.data.corruptions import kinds

_VIEW = 0xFFFFFFFE  # no view of training has this number: corruptions share no draw with augmentation


@dataclasses.dataclass(frozen=True)
class Stream:
    """The draws of N images for one type and severity; what an index means is the type's own affair.

    Attributes:
        seed: whole number in 0..2**32-1.
        kind: the corruption type.
        severity: 1 to 5.
        ids: (N,) whole numbers, the images' places in their data set.
    """

    seed: int
    kind: str
    severity: int
    ids: np.ndarray

    def words(self, count: int, *, start: int = 0) -> np.ndarray:
        """Returns the draws start..start+count-1 of every image, (N, count) uint32."""
        return draws.bits(
            self.seed,
            self.ids,
            stage=kinds.KINDS.index(self.kind),
            epoch=self.severity,
            view=_VIEW,
            draws=range(start, start + count),
        )

    def uniform(self, count: int, *, start: int = 0) -> np.ndarray:
        """Returns numbers in [0, 1), (N, count) float64 in steps of 2**-24."""
        return draws.unit(self.words(count, start=start)).astype(np.float64)

    def below(self, n: int, count: int, *, start: int = 0) -> np.ndarray:
        """Returns whole numbers 0..n-1, (N, count) int64."""
        return draws.below(self.words(count, start=start), n).astype(np.int64)

    def normal(self, count: int, *, start: int = 0) -> np.ndarray:
        """Returns standard normals, (N, count) float64; uses `count` draws, or one more where that is odd."""
        half = (count + 1) // 2
        words = self.words(2 * half, start=start)
        pair = draws.normal_pair(words[:, :half], words[:, half:])
        return np.concatenate(pair, axis=1)[:, :count].astype(np.float64)
