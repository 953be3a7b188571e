"""The lock of a work directory in a bucket: `gs://` paths on a store in memory, which makes nothing exclusively.

A store over the network adds waiting. The conditions on writes that it knows can't be given through this interface.
"""

import json
import os
import socket
import time
from typing import ClassVar

import fsspec
import pytest
from etils import epath
from etils.epath import gpath
from fsspec.implementations.memory import MemoryFileSystem

from sbn.config.errors import ConfigError
from sbn.runs import lock
from sbn.runs.lock import LOCK, Lock, Lost, is_held, locked


class Bucket(MemoryFileSystem):
    """Objects that are there whole or not at all, and are replaced by whoever writes last."""

    store: ClassVar = {}
    pseudo_dirs: ClassVar = [""]
    protocol = ("gs", "gcs")

    def __init__(self, *words, **options):
        super().__init__()

    @classmethod
    def _strip_protocol(cls, path):
        return MemoryFileSystem._strip_protocol(str(path).removeprefix("gs://"))


@pytest.fixture
def workdir(monkeypatch):
    for name in Bucket.protocol:
        fsspec.register_implementation(name, Bucket, clobber=True)
    monkeypatch.setattr(gpath, "_is_tf_installed", lambda: False)  # whose reader of buckets asks the network
    Bucket.store.clear()
    Bucket.pseudo_dirs[:] = [""]
    folder = epath.Path("gs://bucket/run")
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def pauses(monkeypatch):
    """What happens while a lock waits before its second look: functions, called in turn."""
    waiting = []
    real = time.sleep
    monkeypatch.setattr(lock.time, "sleep", lambda seconds: waiting.pop(0)() if waiting else real(0))
    return waiting


def test_the_second_start_is_refused_and_the_lock_is_given_back(workdir, pauses):
    with locked(workdir):
        assert is_held(workdir)
        with (
            pytest.raises(ConfigError, match=f"process {os.getpid()} on {socket.gethostname()} since"),
            locked(workdir),
        ):
            pass
    assert not (workdir / LOCK).exists()


def test_of_a_process_that_was_killed_it_is_taken_over(workdir, pauses):
    gone = {"host": socket.gethostname(), "pid": 2**22 + 1, "began": None, "since": "then", "token": "x"}
    (workdir / LOCK).write_text(json.dumps(gone))
    with locked(workdir):
        assert is_held(workdir)


def test_of_two_whose_writes_cross_the_last_one_has_it_and_the_other_is_told(workdir, pauses):
    first, second = Lock(workdir), Lock(workdir)
    pauses.append(second._write)  # it looked before the first one wrote
    with pytest.raises(ConfigError, match="is being trained by"):
        first.take()
    assert json.loads((workdir / LOCK).read_text())["token"] == second._own["token"]


def test_of_two_whose_writes_lie_further_apart_the_first_one_learns_at_its_next_sign_of_life(
    workdir, pauses, monkeypatch
):
    monkeypatch.setattr(lock, "BEAT", 0.01)
    second = Lock(workdir)
    with locked(workdir) as first:
        second._write()  # it looked before the first one wrote, and stood still since
        first._thread.join(10)
        with pytest.raises(Lost, match="has taken the lock over"):
            first.check()
    assert (workdir / LOCK).exists()  # the second one's
