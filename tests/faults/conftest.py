"""The process that forks commands, and an uninterrupted run, once for all tests of this folder."""

import os
import pathlib
import shutil
import subprocess

import pytest

from tests.faults import scenarios
from tests.faults.warm import Warm


@pytest.fixture(scope="session")
def warm(tmp_path_factory):
    folder = tmp_path_factory.mktemp("warm")
    place = folder / "current"
    place.mkdir()
    for name in ("small.py", "small_tasks.py"):
        shutil.copy(pathlib.Path(__file__).with_name(name), place)
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


@pytest.fixture
def train(warm, tmp_path):
    """Trains the small table in tmp_path / 'run', under faults: how the process ended."""

    def start(*faults, folder=tmp_path):
        return warm.run("sbn.train", scenarios.ROW, f"--workdir={folder}/run", faults=faults)

    return start


@pytest.fixture
def goes_on(train, run, tmp_path):
    """Trains on once a fault is gone, and compares with the uninterrupted run."""

    def check(folder=tmp_path):
        ended = train(folder=folder)
        scenario = scenarios.SCENARIOS["train"]
        found, whole = (scenarios.outcome(scenario, each, ended) for each in (folder, run.parent))
        assert {name: found.get(name) for name in whole} == whole

    return check


@pytest.fixture
def disk(tmp_path):
    """A disk in memory: `disk(kibibytes)` makes it or changes its size, `disk(read_only=True)` closes it."""
    place = tmp_path / "disk"

    def mount(*words):
        done = subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"disks can't be mounted here: {done.stderr.strip()}")

    def make(kibibytes=20480, *, read_only=False):
        options = f"size={kibibytes}k,{'ro' if read_only else 'rw'}"
        if os.path.ismount(place):
            mount("-o", f"remount,{options}", str(place))
        else:
            if os.geteuid() != 0 or shutil.which("mount") is None:
                pytest.skip("only root mounts disks")
            place.mkdir(exist_ok=True)
            mount("-t", "tmpfs", "-o", options, "tmpfs", str(place))
        return place

    yield make
    if os.path.ismount(place):
        subprocess.run(["umount", str(place)], check=True)
