"""Images made on demand, and kept."""

import dataclasses
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from sbn.data.corruptions import generated, kinds, textures
from sbn.data.corruptions.corrupt import corrupt
from sbn.data.corruptions.generated import Generated, file_name, kept
from tests.conftest import ROOT
from tests.data.corruptions.pictures import pictures


@pytest.fixture
def images():
    return Generated(pictures(150, 32), "snow", 2, 5, 150, workers=3)


def test_slices_are_the_same_whatever_the_slice_and_the_workers(images, monkeypatch):
    whole = corrupt(images.clean, "snow", 2, seed=5, ids=np.arange(150))
    assert len(images) == 150
    assert images.shape == whole.shape
    np.testing.assert_array_equal(images[:], whole)
    np.testing.assert_array_equal(dataclasses.replace(images, workers=1)[:], whole)
    np.testing.assert_array_equal(images[70:140], whole[70:140])
    np.testing.assert_array_equal(images[-3:], whole[-3:])
    np.testing.assert_array_equal(images[140:20:-7], whole[140:20:-7])
    assert images[10:10].shape == (0, 32, 32, 3)
    monkeypatch.setattr(generated, "_PIXELS", 7 * 32**2)
    np.testing.assert_array_equal(images[:], whole)


def test_of_a_part_only_that_is_made(images):
    part = dataclasses.replace(images, count=40)
    assert len(part) == 40
    np.testing.assert_array_equal(part[30:90], images[30:40])


def test_kept_images_are_made_once_and_mapped(images, tmp_path, monkeypatch):
    made = kept(images, tmp_path / "new", fingerprint="f")
    assert isinstance(made, np.memmap)
    np.testing.assert_array_equal(made, images[:])
    (path,) = (tmp_path / "new").iterdir()
    assert path.name.startswith("snow_2-")
    monkeypatch.setattr("sbn.data.corruptions.corrupt.corrupt", None)  # nothing is made again
    np.testing.assert_array_equal(kept(images, tmp_path / "new", fingerprint="f"), made)


def test_a_file_is_named_after_all_that_its_images_depend_on(images, monkeypatch):
    changes = ({"kind": "fog"}, {"severity": 3}, {"seed": 6}, {"count": 149}, {"frost": textures.procedural(32)})
    others = [dataclasses.replace(images, **change) for change in changes]
    names = {file_name(other, "f") for other in (images, *others)} | {file_name(images, "g")}
    monkeypatch.setattr(kinds, "VERSION", kinds.VERSION + 1)
    assert len(names | {file_name(images, "f")}) == 8
    monkeypatch.undo()
    # of neither the number of workers nor where the images lie
    assert file_name(dataclasses.replace(images, workers=1, clean=images.clean.copy()), "f") in names


@pytest.mark.parametrize("damage", [b"", b"no array", None])
def test_a_damaged_file_is_made_anew(images, tmp_path, damage):
    made = np.array(kept(images, tmp_path, fingerprint="f"))
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-1] if damage is None else damage)
    np.testing.assert_array_equal(kept(images, tmp_path, fingerprint="f"), made)


def test_what_fails_leaves_nothing(images, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no")

    monkeypatch.setattr("sbn.data.corruptions.corrupt.corrupt", fail)
    with pytest.raises(RuntimeError, match="no"):
        kept(images, tmp_path, fingerprint="f")
    assert not list(tmp_path.iterdir())


def test_a_kill_leaves_no_file_that_is_half_made(tmp_path):
    program = (
        "import sys, pathlib, numpy as np\n"
        "from sbn.data.corruptions import generated\n"
        "images = np.zeros((60_000, 32, 32, 3), np.uint8)\n"
        "made = generated.Generated(images, 'snow', 1, 0, len(images), workers=1)\n"
        "generated.kept(made, pathlib.Path(sys.argv[1]), fingerprint='f')\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT)
    deadline = time.monotonic() + 300
    while not list(tmp_path.glob(".*.draft")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert list(tmp_path.glob(".*.draft"))
    assert not list(tmp_path.glob("*.npy"))
