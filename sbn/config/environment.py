"""The environment that processes which train are started with."""

import os

# glibc, from version 2.35 on, then asks for large pages where it hands out large arrays (glibc manual, Memory
# Allocation Tunables). Without them a step on a CPU has thousands of small ones cleared and mapped anew: a tenth of the
# time of a whole run (benchmarks/README.md). Other C libraries, and systems without such pages, take no notice.
_LARGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


def environment() -> dict[str, str]:
    """Returns this process's variables, with large pages for arrays unless they say something of glibc themselves."""
    return _LARGE_PAGES | os.environ
