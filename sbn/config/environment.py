"""The environment that commands run in: variables that their processes start with, home and cache, memory."""

import os
import pathlib
import sys

from sbn.config.errors import ConfigError

# glibc, from version 2.35 on, then asks for large pages where it hands out large arrays (glibc manual, Memory
# Allocation Tunables). Without them a step on a CPU has thousands of small ones cleared and mapped anew: a tenth of the
# time of a whole run (benchmarks/README.md). Other C libraries, and systems without such pages, take no notice.
_LARGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


def environment() -> dict[str, str]:
    """Returns this process's variables, with large pages for arrays unless they say something of glibc themselves."""
    return _LARGE_PAGES | os.environ


_CHOICE = "SBN_LARGE_PAGES"  # '0': leave the C library as it is
_SWITCH = pathlib.Path("/sys/kernel/mm/transparent_hugepage/enabled")


def use_large_pages() -> None:
    """Starts this process anew, the same command with the same process id, with large pages for arrays.

    glibc reads the request when a process starts, and never again, so that it can't be made from inside. Does nothing
    where it would be of no use: on other systems and C libraries, where the kernel has switched large pages off, and
    where `GLIBC_TUNABLES` is set, so that it happens once. `SBN_LARGE_PAGES=0` keeps it from happening.
    """
    if "GLIBC_TUNABLES" in os.environ or os.environ.get(_CHOICE) == "0" or not available():
        return
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # closed by a launcher
            stream.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment())


def large_pages() -> bool:
    """Returns whether this process was started with them."""
    return "glibc.malloc.hugetlb" in os.environ.get("GLIBC_TUNABLES", "") and available()


def available() -> bool:
    """Returns whether the C library and the kernel of this machine know large pages."""
    try:
        name, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").split()
        known = name == "glibc" and tuple(map(int, version.split("."))) >= (2, 35)
        return known and "[never]" not in _SWITCH.read_text()
    except (AttributeError, OSError, ValueError):  # another system, another C library
        return False


def quieten_tensorflow() -> None:
    """Has TensorFlow, where it is loaded later, print errors alone, unless the variables say otherwise."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")


def expanded(path: str | os.PathLike[str]) -> pathlib.Path:
    """Returns a path with the home folder for '~'; '~name' of a user whom nobody knows stays, and leads nowhere."""
    return pathlib.Path(os.path.expanduser(path))  # pathlib's own raises a RuntimeError for such


def cache_folder() -> pathlib.Path:
    """Returns the folder for what can be made again: `XDG_CACHE_HOME`/sbn, or ~/.cache/sbn.

    Where there is no home it is one that nobody can write to. A relative path in that variable does not count.
    """
    said = os.environ.get("XDG_CACHE_HOME", "")
    home = expanded("~")
    if pathlib.Path(said).is_absolute():
        return pathlib.Path(said) / "sbn"
    return (home / ".cache" if home.is_absolute() else pathlib.Path(os.devnull)) / "sbn"


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
