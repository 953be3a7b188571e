"""Arrays of evaluators come back as they were, and a reader never finds half a file."""

import json
import os

import jax
import numpy as np
import pytest
from etils import epath
from matplotlib.figure import Figure

from sbn.figures import make
from sbn.train import artifacts

ARRAYS = {"test/main/curve": np.arange(3.0), "test/aux/table": np.array([[1, 2]], np.int32)}


def draw(arrays):
    figure = Figure()
    figure.subplots().plot(arrays["test/main/curve"])
    return figure


def test_arrays_keep_their_names_kinds_and_values(tmp_path):
    (path,) = artifacts.write(epath.Path(tmp_path), "curves", 7, ARRAYS)
    assert str(path) == str(tmp_path / "artifacts/curves/7.npz")
    with np.load(path) as stored:
        assert set(stored) == set(ARRAYS)
        for name, array in ARRAYS.items():
            assert stored[name].dtype == array.dtype
            np.testing.assert_array_equal(stored[name], array)


def test_a_picture_stands_beside_the_arrays_where_there_is_one(tmp_path, monkeypatch):
    monkeypatch.setitem(make.FIGURES, "curves", draw)
    written = artifacts.write(epath.Path(tmp_path), "curves", 7, ARRAYS)
    assert [path.name for path in written] == ["7.npz", "7.png"]
    assert (tmp_path / "artifacts/curves/7.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_nothing_is_written_without_arrays_nor_by_another_process(tmp_path, monkeypatch):
    assert artifacts.write(epath.Path(tmp_path), "accuracy", 7, {}) == []
    monkeypatch.setattr(jax, "process_index", lambda: 1)
    assert artifacts.write(epath.Path(tmp_path), "curves", 7, ARRAYS) == []
    artifacts.write_scalars(epath.Path(tmp_path), "curves", 7, {"a": 1.0}, {})
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = epath.Path(tmp_path)
    artifacts.write(path, "curves", 7, ARRAYS)
    before = (tmp_path / "artifacts/curves/7.npz").read_bytes()

    def fail(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        artifacts.write(path, "curves", 7, {"test/main/curve": np.zeros(9)})
    assert (tmp_path / "artifacts/curves/7.npz").read_bytes() == before


def test_scalars_say_what_was_changed_for_them(tmp_path):
    artifacts.write_scalars(
        epath.Path(tmp_path), "accuracy", 7, {"test/main/accuracy": 0.5}, {"eval.average": "logits"}
    )
    assert json.loads((tmp_path / "artifacts/accuracy/7.json").read_text()) == {
        "format": 1,
        "step": 7,
        "overrides": {"eval.average": "logits"},
        "metrics": {"test/main/accuracy": 0.5},
    }
