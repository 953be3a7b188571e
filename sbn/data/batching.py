"""Which examples a batch holds, and to what width its features of any length are filled up.

`Even` is what everything has that says nothing else. A task or a data set may say it themselves, by a method
`batching`: `Buckets` is what sequences need, batches of examples of about one length, one compiled program per bucket.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from ml_collections import ConfigDict

from sbn.augment import draws
from sbn.config.errors import ConfigError
from sbn.data.examples import Examples

_BATCH_ORDER_VIEW = 0xFFFFFFFE  # no view has this number, nor has the order of examples


class Planned(NamedTuple):
    """One batch.

    Attributes:
        ids: (n,) of its examples.
        widths: of its features of any length, by name; a feature that is not named is as wide as its widest example
            in the whole split.
        size: what `n` is filled up to in evaluation, where a bucket's last batch has fewer; 0: not at all.
    """

    ids: np.ndarray
    widths: Mapping[str, int] = {}
    size: int = 0


class Batching(Protocol):
    """The batches of a split. Each is a pure function of (seed, stage, epoch, place): runs resume exactly."""

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch of training, the same in every epoch."""
        ...

    @property
    def shapes(self) -> int:
        """How many shapes batches have: a step is compiled once for each."""
        ...

    def epoch(self, seed: int, *, stage: int, epoch: int) -> Sequence[Planned]:
        """Returns the batches of an epoch of training, in order."""
        ...

    def once(self) -> Iterator[Planned] | None:
        """Yields batches that hold every example once, for evaluation; None: in order, of `eval.batch_size`."""
        ...


@dataclasses.dataclass(frozen=True)
class Even:
    """Batches of one size, cut from a new order of all examples in each epoch; what fills no batch is left out.

    Attributes:
        examples: their number.
        batch_size: examples of a batch.
    """

    examples: int
    batch_size: int
    shapes: int = 1

    @property
    def steps_per_epoch(self) -> int:
        """Full batches."""
        return self.examples // self.batch_size

    def epoch(self, seed: int, *, stage: int, epoch: int) -> Sequence[Planned]:
        """Returns the batches of an epoch of training."""
        order = draws.order(seed, stage=stage, epoch=epoch, count=self.examples).astype(np.int32)
        size, count = self.batch_size, self.steps_per_epoch
        return [Planned(ids) for ids in order[: count * size].reshape(count, size)]

    def once(self) -> None:
        """As `Batching` says: in order."""


class Buckets:
    """Batches of examples of about one length: of each bucket as many full ones as there are in an epoch.

    Examples are ordered by (bucket, hash) and cut into batches, and these are ordered by a hash of their own. What
    fills no batch of its bucket is left out of that epoch.

    Args:
        lengths: (M,) of the examples; of several features their largest.
        widths: of the buckets, rising; an example belongs to the first that it fits into.
        features: those that are filled up to the bucket's width.
        batch_size: examples of a batch of any bucket; or else
        tokens: of a batch, filling included: a bucket has as many examples as fit, in multiples of `multiple`.
        multiple: what every batch's examples are a multiple of: all devices together have so many parts.

    Attributes:
        never: examples of buckets that have less than a batch, which are in no epoch.

    Raises:
        ConfigError: if the widths do not rise, an example is too long, or a batch would hold nothing.
    """

    def __init__(
        self,
        lengths: np.ndarray,
        widths: Sequence[int],
        *,
        features: Sequence[str],
        batch_size: int | None = None,
        tokens: int | None = None,
        multiple: int = 1,
    ) -> None:
        lengths, widths = np.asarray(lengths), [int(width) for width in widths]
        if not widths or widths != sorted(set(widths)) or widths[0] < 1:
            raise ConfigError(f"widths of buckets must increase, from 1 or more, not {widths}")
        if len(lengths) and lengths.max() > widths[-1]:
            worst = int(lengths.argmax())
            raise ConfigError(f"example {worst} has the length {lengths[worst]}, and the widest bucket {widths[-1]}")
        if (batch_size is None) == (tokens is None):
            raise ConfigError("buckets need either batch_size or tokens")
        self._bucket = np.searchsorted(widths, lengths)
        self._widths = [dict.fromkeys(features, width) for width in widths]
        self._sizes = [batch_size or (tokens or 0) // width // multiple * multiple for width in widths]
        for width, size in zip(widths, self._sizes, strict=True):
            if size < 1 or size % multiple:
                what = f"batch_size = {batch_size}" if tokens is None else f"{tokens} tokens"
                raise ConfigError(
                    f"{what}: a batch of width {width} would hold {size} examples, no multiple of {multiple}"
                )
        counts = np.bincount(self._bucket, minlength=len(widths))
        self._full = [int(count) // size for count, size in zip(counts, self._sizes, strict=True)]
        self.steps_per_epoch, self.shapes = sum(self._full), sum(full > 0 for full in self._full)
        self.never = sum(int(count) for count, full in zip(counts, self._full, strict=True) if not full)

    def epoch(self, seed: int, *, stage: int, epoch: int) -> Sequence[Planned]:
        """Returns the batches of an epoch of training."""
        words = draws.order_words(seed, stage=stage, epoch=epoch, count=len(self._bucket))
        made: list[Planned] = []
        for number, (size, full) in enumerate(zip(self._sizes, self._full, strict=True)):
            own = np.flatnonzero(self._bucket == number).astype(np.int32)
            own = own[np.argsort(words[own], kind="stable")][: full * size]
            made += [Planned(ids, self._widths[number]) for ids in own.reshape(full, size)]
        places = np.arange(len(made))
        order = draws.bits(seed, places, stage=stage, epoch=epoch, view=_BATCH_ORDER_VIEW, draws=range(1))[:, 0]
        return [made[place] for place in np.argsort(order, kind="stable")]

    def once(self) -> Iterator[Planned]:
        """Yields every example once, bucket by bucket; the last batch of each is filled up."""
        for number, size in enumerate(self._sizes):
            own = np.flatnonzero(self._bucket == number).astype(np.int32)
            for start in range(0, len(own), size):
                yield Planned(own[start : start + size], self._widths[number], size)


def make_batching(config: ConfigDict, task: Any, examples: Examples, *, multiple: int) -> Batching:
    """Returns what the task or the examples say of batches, by `batching(...)`, or else even ones.

    A task's method is called with (examples, config, multiple=...), that of examples with (config, multiple=...);
    where they return None, batches are even.

    Args:
        config: of the run.
        task: what is learned.
        examples: of a split.
        multiple: what the examples of every batch must be a multiple of.
    """
    found: Batching | None = None
    if hasattr(task, "batching"):
        found = task.batching(examples, config, multiple=multiple)
    elif hasattr(examples, "batching"):
        found = examples.batching(config, multiple=multiple)
    return found or Even(len(examples), config.batch_size)
