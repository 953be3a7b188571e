"""A folder of its own for every test, whose every change is seen."""

import os
import pathlib

import pytest

from tests.conftest import ROOT


@pytest.fixture
def here(tmp_path, monkeypatch) -> pathlib.Path:
    """The current folder, empty, with caches elsewhere."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.delenv("SBN_TRACEBACK", raising=False)
    return folder


@pytest.fixture(scope="module", autouse=True)
def _programs():
    """Most of these load no jax, in whose place that of all other tests loads it."""
    return
