"""Tells, every ten seconds, how far something long has come and how long the rest takes."""

import logging
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from sbn.config.durations import clock_time

log = logging.getLogger(__name__)

EVERY = 10.0  # seconds
_Item = TypeVar("_Item")


def told(items: Iterable[_Item], *, count: int, what: str) -> Iterator[_Item]:
    """Yields items as they come.

    Args:
        items: there are `count` of them.
        count: their number.
        what: is done, such as 'reading images'.
    """
    start = last = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - last >= EVERY:
            last, left = now, (now - start) * (count / done - 1)
            log.info("%s: %d of %d, %s left", what, done, count, clock_time(left))
