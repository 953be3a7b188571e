"""The environment that processes which train are started with."""

import pathlib
import platform
import subprocess
import sys

import pytest

from sbn.config.environment import environment

SWITCH = pathlib.Path("/sys/kernel/mm/transparent_hugepage/enabled")
# Takes 64 MB from the C library, writes to all of them and gives them back, and says how many pages were mapped for it.
TOUCHED = """
import ctypes, resource
libc, size, times = ctypes.CDLL(None), 2**26, 8
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.memset.argtypes, libc.free.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t], [ctypes.c_void_p]
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(times):
    array = libc.malloc(size)
    libc.memset(array, 1, size)
    libc.free(array)
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / times)
"""


def pages(variables):
    found = subprocess.run([sys.executable, "-c", TOUCHED], env=variables, capture_output=True, text=True, check=True)
    return float(found.stdout)


def test_large_arrays_lie_on_large_pages():
    libc, version = platform.libc_ver()
    if libc != "glibc" or tuple(map(int, version.split("."))) < (2, 35):
        pytest.skip(f"{libc or 'this C library'} {version} knows nothing of large pages")
    if not SWITCH.exists() or "[never]" in SWITCH.read_text():
        pytest.skip("this system has no large pages")
    usual = {name: value for name, value in environment().items() if name != "GLIBC_TUNABLES"}
    if pages(usual) < 2**26 / 4096 / 2:
        pytest.skip("this system gives large pages unasked")
    # 32 pages of 2 MB, and some small ones where none was free; 16,384 small ones without
    assert pages(usual | {"GLIBC_TUNABLES": environment()["GLIBC_TUNABLES"]}) < 2000


def test_what_the_user_says_of_glibc_holds(monkeypatch):
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.arena_max=2")
    assert environment()["GLIBC_TUNABLES"] == "glibc.malloc.arena_max=2"
    monkeypatch.delenv("GLIBC_TUNABLES")
    monkeypatch.setenv("KEPT", "as it is")
    assert environment()["KEPT"] == "as it is"
    assert "hugetlb" in environment()["GLIBC_TUNABLES"]
