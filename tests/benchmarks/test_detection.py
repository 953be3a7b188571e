"""What the bench of detection compares, and what it refuses; nothing here is timed."""

import numpy as np
import pytest

from benchmarks import detection, worker
from sbn.config.errors import ConfigError

SMALL = {"python": "", "boxes": 40, "regions": 4, "channels": 2, "side": "64x64", "batch": 1, "rounds": 1}


def test_without_torchvision_nothing_is_measured_and_the_bench_says_how(monkeypatch):
    monkeypatch.setattr(worker, "find", lambda *_: None)
    lines, facts = detection.bench(**SMALL, only="nms")
    assert lines == []
    assert "torchvision" in facts["nothing measured"]


def test_a_part_that_is_misspelt_is_named_with_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'pooling'"):
        detection.bench(**SMALL, only="nms,poling")


def test_results_that_differ_from_torchvisions_are_not_compared(tmp_path):
    ours = {"nms uniform 0.5": lambda: np.asarray([True, False, True])}
    np.savez(tmp_path / "same.npz", **{"nms uniform 0.5": [2, 0]})
    np.savez(tmp_path / "other.npz", **{"nms uniform 0.5": [1, 0]})
    detection.check_same(ours, tmp_path / "same.npz")
    with pytest.raises(RuntimeError, match=r"nms uniform 0\.5"):
        detection.check_same(ours, tmp_path / "other.npz")
