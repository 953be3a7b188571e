"""Several steps in one call of the devices (`steps_per_call`): how a stage is cut into calls, and what each is fed."""

import itertools
from collections.abc import Callable, Iterable, Iterator

import jax
import numpy as np

from sbn.data.views import Fed


def sizes(start: int, stop: int, *, most: int, due: Callable[[int], bool]) -> Iterator[int]:
    """Yields the steps of every call from step `start` to step `stop`: `most`, or 1 where fewer are left.

    What is due after a step finds its state there: no call passes over it. The cuts depend on the steps alone, so
    that a run that goes on from any cut makes those that it would have made without a break.

    Args:
        start: steps done before the first call.
        stop: steps done after the last.
        most: steps of a call.
        due: whether something happens once so many steps are done.
    """
    while start < stop:
        fits = start + most <= stop and not any(due(step) for step in range(start + 1, start + most))
        size = most if fits else 1
        yield size
        start += size


def fed(batches: Iterable[Fed], sizes: Iterable[int]) -> Iterator[tuple[int, Fed]]:
    """Yields each call's steps and what it is fed: a batch and its numbers, or several of both along a first axis."""
    left = iter(batches)
    for size in sizes:
        own = list(itertools.islice(left, size))
        yield size, own[0] if size == 1 else jax.tree.map(lambda *parts: np.stack(parts), *own)
