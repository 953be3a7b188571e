"""Runs whose views are smaller than the data set's images: what Consistent Normalization's crops need."""

import numpy as np
import pytest

from sbn.train import train
from tests.e2e import runs

CROPS = {
    "views.main.augment": "random_crop(12)|flip",
    "views.aux.augment": "inception_crop(12)|randaugment(1, 4)",
    "duration": "4 steps",
    "eval.every": "4 steps",
}


@pytest.mark.parametrize("path", ["host", "device"])
def test_a_network_trains_on_windows_and_is_tested_on_whole_images(tiny, tmp_path, path):
    result = train(tiny({**CROPS, "data.path": path}), tmp_path / path)
    assert result["steps"] == 4
    if path == "device":
        train(tiny(CROPS), tmp_path / "host")
        lines = [runs.metric_lines(tmp_path / name) for name in ("host", "device")]
        # the same batches; two compilations' sums differ by 1e-7, which each of four steps about doubles
        for mine, theirs in zip(*lines, strict=True):
            assert mine.keys() == theirs.keys()
            np.testing.assert_allclose(list(mine.values()), list(theirs.values()), rtol=1e-4, atol=1e-6)
        assert any("test/main/accuracy" in line for line in lines[0])
