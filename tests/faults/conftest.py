"""The process that forks commands, and an uninterrupted run, once for all tests of this folder."""

import pathlib
import shutil

import pytest

from tests.faults import scenarios
from tests.faults.warm import Warm


@pytest.fixture(scope="session")
def warm(tmp_path_factory):
    folder = tmp_path_factory.mktemp("warm")
    place = folder / "current"
    place.mkdir()
    shutil.copy(pathlib.Path(__file__).with_name("small.py"), place)
    process = Warm(folder, place)
    yield process
    process.close()


@pytest.fixture(scope="session")
def run(warm, tmp_path_factory):
    """The folder of an uninterrupted run of the small table."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    ended = warm.run("sbn.train", scenarios.ROW, f"--workdir={folder}")
    assert ended.code == 0, ended
    return folder
