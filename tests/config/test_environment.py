"""The environment that processes which train are started with."""

import os
import pathlib
import platform
import signal
import subprocess
import sys

import pytest

from sbn.config import environment as environments
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


def test_a_home_that_nobody_knows_is_no_error(monkeypatch):
    """As in containers whose user has no entry in the system's list, and of names that are mistyped."""
    assert environments.expanded("~no_such_user/a") == pathlib.Path("~no_such_user/a")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    assert environments.cache_folder() == pathlib.Path("/home/me/.cache/sbn")
    for said, folder in (("", "/home/me/.cache/sbn"), ("here", "/home/me/.cache/sbn"), ("/fast", "/fast/sbn")):
        monkeypatch.setenv("XDG_CACHE_HOME", said)  # an empty one would be the current folder
        assert environments.cache_folder() == pathlib.Path(folder)
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(OSError, match="Not a directory"):
        environments.cache_folder().mkdir(parents=True)


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


# Says how it was started, then ends by the signal or with the code that it is told to.
STARTED = """
import os, signal, sys
from sbn.config import environment
if __name__ == "__main__":
    environment.use_large_pages()
    print(os.getpid(), environment.large_pages(), sys.argv[1:], sys.flags.utf8_mode, flush=True)
    if sys.argv[1] == "wait":
        signal.pause()
    sys.exit(int(sys.argv[1]))
"""


@pytest.fixture
def start(tmp_path):
    """Returns a function that starts a process which asks for large pages for itself."""
    file = tmp_path / "started.py"
    file.write_text(STARTED)

    def started(*words, **variables):
        own = {name: value for name, value in os.environ.items() if name not in ("GLIBC_TUNABLES", "SBN_LARGE_PAGES")}
        own |= {"PYTHONPATH": str(pathlib.Path(__file__).parents[2]), **variables}
        command = [sys.executable, "-X", "utf8", str(file), *words]
        return subprocess.Popen(command, env=own, stdout=subprocess.PIPE, text=True)

    return started


def test_a_process_starts_itself_anew_with_large_pages_and_keeps_everything_else(start):
    process = start("7", "a b")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 7
    assert said.split(maxsplit=1)[0] == str(process.pid)
    assert said.endswith(f" {environments.available()} ['7', 'a b'] 1\n")


@pytest.mark.parametrize("variables", [{"SBN_LARGE_PAGES": "0"}, {"GLIBC_TUNABLES": "glibc.malloc.arena_max=2"}])
def test_a_process_that_is_told_otherwise_stays_as_it_is(start, variables):
    said, _ = start("0", **variables).communicate(timeout=60)
    assert said.split()[1] == "False"


def test_a_signal_reaches_the_process_that_was_started_anew(start):
    process = start("wait")
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM
