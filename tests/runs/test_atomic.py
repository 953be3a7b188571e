"""A reader finds the old file or the new one, whatever happens; nobody's link is written through."""

import os
import subprocess
import sys
import time

import pytest

from sbn.runs.atomic import remove_drafts, replace_bytes, replacing, write_output


def test_the_new_content_takes_the_place_of_the_old_and_no_draft_is_left(tmp_path):
    path = tmp_path / "a.json"
    for content in (b"old", b"new"):
        replace_bytes(path, content)
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file_and_no_draft(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b"old")

    def fail():
        with replacing(path) as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_links_planted_under_a_drafts_old_name_or_in_the_files_place_are_not_followed(tmp_path):
    victim, path = tmp_path / "victim", tmp_path / "config.json"
    victim.write_bytes(b"precious")
    (tmp_path / ".config.json.draft").symlink_to(victim)
    path.symlink_to(victim)
    replace_bytes(path, b"new")
    assert victim.read_bytes() == b"precious"
    assert (path.read_bytes(), path.is_symlink()) == (b"new", False)


def test_two_drafts_of_one_file_have_names_nobody_can_guess(tmp_path):
    seen = set()
    for _ in range(3):
        with replacing(tmp_path / "a"):
            seen |= {path.name for path in tmp_path.iterdir()}
    assert len(seen - {"a"}) == 3


@pytest.mark.skipif(not hasattr(os, "fsync"), reason="needs fsync")
def test_file_and_folder_are_on_the_disk_before_and_after_the_rename(tmp_path, monkeypatch):
    done = []
    real_sync, real_replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (done.append("sync"), real_sync(handle)))
    monkeypatch.setattr(os, "replace", lambda *names: (done.append("rename"), real_replace(*names)))
    replace_bytes(tmp_path / "a", b"x")
    assert done == ["sync", "rename", "sync"]


LIMITED = """
import resource, sys, pathlib
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from sbn.runs.atomic import replace_bytes
try:
    replace_bytes(pathlib.Path(sys.argv[1]), bytes(5000))
except OSError as error:
    print(error.strerror)
"""


def test_a_disk_that_is_full_leaves_the_old_file(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    said = subprocess.run([sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "File too large"
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_drafts_that_a_kill_left_are_removed_once_nobody_can_be_writing_them(tmp_path):
    old, new, other = tmp_path / ".a.json.0.draft", tmp_path / ".b.json.1.draft", tmp_path / "draft"
    for path in (old, new, other):
        path.write_bytes(b"")
    os.utime(old, (time.time() - 7200,) * 2)
    remove_drafts(tmp_path)
    assert sorted(tmp_path.iterdir()) == [new, other]


def test_a_file_that_is_written_removes_its_own_old_drafts_and_no_others(tmp_path):
    """Where nobody trains, and nobody looks for hidden files: an archive's may be gigabytes."""
    old, other = tmp_path / ".a[1].npz.0123456789abcdef.draft", tmp_path / ".b.npz.0123456789abcdef.draft"
    for path in (old, other):
        path.write_bytes(b"")
        os.utime(path, (time.time() - 7200,) * 2)
    replace_bytes(tmp_path / "a[1].npz", b"x")
    assert sorted(tmp_path.iterdir()) == [other, tmp_path / "a[1].npz"]


def test_an_output_goes_through_links_and_into_devices(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there/file")
    write_output(tmp_path / "link", b"x")
    assert (tmp_path / "there/file").read_bytes() == b"x"
    write_output("/dev/null", b"x")
    with pytest.raises(OSError, match=r"[Dd]irectory"):
        write_output(tmp_path / "there", b"x")
