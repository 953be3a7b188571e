"""Views of different sizes, from both data paths to the end of a run."""

import numpy as np
import pytest

from sbn.data import sources
from sbn.train import train
from sbn.train.feed import make_feed
from sbn.train.setup import make_setup
from tests.e2e import runs

SIZES = {
    "branches": ("main", "small", "aux"),
    "views.aux.augment": "crop(2)|flip",
    "views.small.augment": "crop(2)|flip|resize(12)",
    "views.small.draws": "main",
    "views.main.weight": 1.0,
    "views.small.weight": 1.0,
    "views.aux.weight": 1.0,
    "duration": "4 steps",
}


@pytest.mark.parametrize("path", ["host", pytest.param("device", marks=pytest.mark.slow)])
def test_a_batch_is_a_tuple_of_views_where_they_differ_in_size(tiny, path):
    config = tiny({**SIZES, "data.path": path})
    setup = make_setup(config)
    feed, (stage,) = make_feed(setup, config), setup.plan.stages
    batch = feed.prepare(stage)(*next(feed.batches(stage, 0)), feed.resident)
    assert [view.shape for view in batch["inputs"]["image"]] == [(8, 16, 16), (8, 12, 12), (8, 16, 16)]
    assert sources.load(config.data, "train").images.shape[1:3] == (16, 16)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["split", "shared"])
def test_both_data_paths_train_alike(tiny, tmp_path, kind):
    changes = {**SIZES, "norm.kind": kind}
    for path in ("host", "device"):
        train(tiny({**changes, "data.path": path}), tmp_path / path)
    one, other = (runs.metric_lines(tmp_path / path) for path in ("host", "device"))
    assert [line.keys() for line in one] == [line.keys() for line in other]
    assert any("train/small/loss" in line for line in one)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(list(a.values()), list(b.values()), rtol=1e-4, atol=1e-6)
