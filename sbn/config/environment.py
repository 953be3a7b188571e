"""The environment that training runs in: the variables that its processes start with, and the machine's memory."""

import os

from sbn.config.errors import ConfigError

# glibc, from version 2.35 on, then asks for large pages where it hands out large arrays (glibc manual, Memory
# Allocation Tunables). Without them a step on a CPU has thousands of small ones cleared and mapped anew: a tenth of the
# time of a whole run (benchmarks/README.md). Other C libraries, and systems without such pages, take no notice.
_LARGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


def environment() -> dict[str, str]:
    """Returns this process's variables, with large pages for arrays unless they say something of glibc themselves."""
    return _LARGE_PAGES | os.environ


def memory() -> int | None:
    """Returns the bytes of this machine's memory; None where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def check_memory(needed: int, *, what: str) -> None:
    """Refuses sizes that no machine like this one can hold, before anything is made or compiled.

    Args:
        needed: bytes.
        what: takes them, with the keys that say so.

    Raises:
        ConfigError: if they are more than this machine's memory.
    """
    there = memory()
    if there is not None and needed > there:
        raise ConfigError(f"{what} would take {needed / 2**30:,.0f} GiB, and this machine has {there / 2**30:,.0f}")
