"""Ops on tokens: sentences (N, L) int32 filled up with 0, each with its end as the last token."""

import dataclasses
import fractions
import functools
from typing import Any, ClassVar

import numpy as np

from sbn.augment.op import Op, number


@dataclasses.dataclass(frozen=True)
class Stretch(Op):
    """Makes sentences `factor` times as long by the nearest token: the image rescaling of one dimension.

    Of a sentence of n tokens and its end, token j of the result is token floor(j / factor), for j below ceil(factor n);
    the end stays the last. `stretch(0.5)` keeps every other token, `stretch(1.5)` repeats every other one. It is how
    "augment the input length by half and one and a half" of Consistent Normalization (Zhou et al. 2019, section 4.4)
    is read here. Nothing is drawn, and both data paths make the same.
    """

    name: ClassVar[str] = "stretch"
    inputs: ClassVar[str] = "tokens"
    factor: float = number(low=0.01, high=100)

    def draws_needed(self, image_size: tuple[int, ...]) -> int:
        """None."""
        return 0

    def host(self, tokens: np.ndarray, draws: np.ndarray) -> np.ndarray:
        """Returns tokens (N, L') int32, L' = ceil(factor (L - 1)) + 1."""
        return np.asarray(self._stretched(tokens))

    def device(self, tokens: Any, draws: Any) -> Any:
        """Returns what `host` does, of arrays on the devices."""
        return self._stretched(tokens)

    def _stretched(self, tokens: Any) -> Any:
        library = tokens.__array_namespace__()  # NumPy, or JAX's
        longest = tokens.shape[1] - 1  # tokens beside the end
        if longest < 0:
            return tokens
        came_from, lengths = _tables(self.factor, longest)
        own = library.maximum((tokens > 0).sum(axis=1) - 1, 0)  # (N,)
        last = library.take_along_axis(tokens, own[:, None], axis=1)
        ends = library.asarray(lengths)[own][:, None]
        places = np.arange(lengths[longest] + 1)
        body = tokens[:, library.asarray(came_from)]
        return library.where(places < ends, body, library.where(places == ends, last, 0)).astype(tokens.dtype)


@functools.lru_cache(maxsize=1024)
def _tables(factor: float, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """Which token every token of the result was, and how long sentences of 0 to `longest` tokens become."""
    exact = fractions.Fraction(str(factor))
    lengths = np.array([-(-exact * count // 1) for count in range(longest + 1)], np.int32)
    came_from = np.array([min(int(place / exact), longest) for place in range(int(lengths[longest]) + 1)], np.int32)
    return came_from, lengths


# Ops of pipelines beside those on images (`sbn.augment.ops.OPS`), by name
TOKEN_OPS: dict[str, type[Op]] = {Stretch.name: Stretch}
