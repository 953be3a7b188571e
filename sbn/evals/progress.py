"""Progress of a long evaluation on the terminal: how much is done, the rate, the time left."""

import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import TypeVar

import jax

from sbn.config.durations import clock_time

Item = TypeVar("Item")


def shown(
    items: Iterable[Item],
    what: str,
    *,
    total: int | None = None,
    every: float = 10.0,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Item]:
    """Yields `items`; where they take long, says how far it is, on one of the processes.

    Args:
        items: each takes about as long as another.
        what: the evaluator, and what the items are, as in 'corruptions: batches'.
        total: how many they are, where `items` can't say.
        every: seconds between two lines; what is done before that says nothing.
        clock: returns seconds; injected by tests.
    """
    count = len(items) if isinstance(items, Sized) else total
    start = last = clock()
    for done, item in enumerate(items):
        now = clock()
        if count and done and now - last >= every and jax.process_index() == 0:
            last = now
            rate = done / (now - start)
            left = clock_time((count - done) / rate)
            print(f"{what} {done}/{count}  {rate:.3g} a second  left {left}", flush=True)
        yield item
