"""Runs of segmentation on two data sets: stopped and resumed, on eight devices, and measured in batches of any size."""

import json

import numpy as np
import pytest

from sbn.evaluate import evaluate
from sbn.runs.arrays import read_arrays
from sbn.train import Preempted, preemption, train
from tests.compiling import simulating
from tests.e2e import runs

TWO = {
    "task": "segmentation",
    "model.name": "imagenet_resnet",
    "model.width": 4,
    "data.image_size": 32,
    "views.main.augment": "flip",
    "views.aux.augment": "flip|crop(2)",
    "views.aux.data.style": "sketch",
    "views.aux.data.train_examples": 24,
    "duration": "6 steps",
    "eval.evals": ("metrics", "masks"),
}


@pytest.fixture(scope="module")
def trained(tiny, tmp_path_factory):
    path = tmp_path_factory.mktemp("segmentation") / "run"
    return path, train(tiny(TWO), path)


@pytest.mark.slow
def test_a_run_that_was_stopped_ends_with_the_same_bits(tiny, trained, tmp_path, monkeypatch):
    notices = []

    class Stop(preemption.Notice):
        @property
        def given(self):
            notices.append(1)
            return len(notices) == 4

        @given.setter
        def given(self, value):
            pass

    monkeypatch.setattr(preemption, "Notice", Stop)
    with pytest.raises(Preempted):
        train(tiny(TWO), tmp_path / "run")
    monkeypatch.undo()
    train(tiny(TWO), tmp_path / "run")
    runs.assert_same_state(runs.final_state(tmp_path / "run"), runs.final_state(trained[0]))


def test_every_branch_is_measured_on_each_data_set_whatever_the_batch(trained):
    path, result = trained
    for size in (8, 3):
        _, found = evaluate(path, overrides={"eval.batch_size": size})
        assert {f"{split}/{branch}/miou" for split in ("test", "test_aux") for branch in ("main", "aux")} <= set(found)
        for name, value in found.items():  # whole numbers of pixels, so that nothing is rounded differently
            np.testing.assert_equal(value, result["metrics"][name], err_msg=name)


def test_pictures_of_masks_lie_beside_the_metrics(trained):
    path, result = trained
    arrays = read_arrays(path / "artifacts/masks/6.npz")
    assert (path / "artifacts/masks/6.png").read_bytes().startswith(b"\x89PNG")
    for branch in ("main", "aux"):
        assert np.nanmean(arrays[f"test/{branch}/iou"]) == pytest.approx(result["metrics"][f"test/{branch}/miou"])


@pytest.mark.slow
def test_eight_devices_do_what_one_does(tiny, tmp_path):
    config = tiny({**TWO, "duration": "2 steps", "log.every": "1 steps", "segmentation.dropout": 0.0})
    train(config, tmp_path / "one")
    process = runs.start(config, tmp_path / "eight", **simulating(8))
    with process:
        output = process.stdout.read()
    assert process.returncode == 0, output
    losses = [
        [line["train/loss"] for line in runs.metric_lines(tmp_path / name) if "train/loss" in line]
        for name in ("one", "eight")
    ]
    # sums of float32 numbers in another order; the second loss has gone through an update
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)
    metrics = [json.loads((tmp_path / name / "result.json").read_text())["metrics"] for name in ("one", "eight")]
    for name, value in metrics[0].items():  # a pixel whose two best classes are all but equal may change sides
        if name.endswith("pixel_accuracy"):
            assert metrics[1][name] == pytest.approx(value, abs=2e-3)
