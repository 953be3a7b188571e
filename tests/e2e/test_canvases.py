"""A detector on canvases of two shapes: killed, it goes on to the same bits; every image counts once, on its canvas."""

import json
import shutil
from unittest import mock

import jax.numpy as jnp
import numpy as np
import pytest

from sbn.data import voc
from sbn.evals.base import run
from sbn.evals.make import make_evaluators
from sbn.tasks.detection import Detection, frame
from sbn.train import train
from sbn.train.setup import make_setup
from tests.data.test_voc import CAT, DOG
from tests.data.vocs import write_voc
from tests.e2e import runs
from tests.e2e.detections import SMALL

SIZES = [(50, 90), (90, 50), (61, 61), (40, 44), (70, 33), (64, 48), (30, 40)]
TURNED = "fit(16, 32, turned=True)"


def whole_image(size):
    return {"x0": 1, "y0": 1, "x1": size[1], "y1": size[0]}


def finds_the_whole(task, variables, inputs):
    """In every image one bird as large as the image, by how much of the canvas is filled up."""
    whole = frame(inputs["image"])
    sure = whole.sum(axis=1) / 100
    one = jnp.concatenate([whole, sure[:, None], 0 * sure[:, None] + voc.CLASSES.index("bird")], axis=1)
    return one[:, None, None]


@pytest.fixture(scope="module")
def config(tiny, tmp_path_factory):
    """Seven images of two kinds, all of them in both splits."""
    folder = tmp_path_factory.mktemp("voc")
    random, images = np.random.default_rng(0), {}
    for number, size in enumerate(SIZES):
        pixels = random.integers(0, 40 * (1 + number % 5), (*size, 3), dtype=np.uint8)
        images[number] = pixels, (CAT, DOG, {**whole_image(size), "name": "bird"})
    changes = {
        **write_voc(folder, images),
        "batch_size": 2,
        "branches": ("main",),
        "views.main.augment": f"{TURNED}|flip",
        "eval.augment": TURNED,
        "log.tensorboard": False,
    }

    def make(**more):
        return tiny({**SMALL, **changes, **more})

    return make


@pytest.mark.slow
def test_a_run_killed_between_batches_of_two_canvases_ends_with_the_bits_of_an_unbroken_one(config, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    train(config(duration="6 steps"), whole)
    shutil.copytree(whole, killed)
    shutil.rmtree(killed / "checkpoints/6")  # as a kill after step 4 leaves it
    (killed / "result.json").unlink()
    train(config(duration="6 steps"), killed)
    runs.assert_same_state(runs.final_state(killed), runs.final_state(whole))
    assert runs.metric_lines(killed) == runs.metric_lines(whole)
    assert 0 <= json.loads((whole / "result.json").read_text())["metrics"]["test/main/map"] <= 1


def test_every_image_counts_once_whatever_the_batch_on_its_canvas(config):
    for batch in (7, 2):
        given = config(**{"eval.batch_size": batch, "eval.average_precision": ("voc",), "detection.detections": 1})
        with mock.patch.object(Detection, "outputs", finds_the_whole):
            (evaluator,) = make_evaluators(make_setup(given).materials(given)).values()
            found, _ = run(evaluator, {"params": {}, "batch_stats": {}}, step=0)
        assert found["test/main/ap/bird"] == 1  # of seven
        assert found["test/main/ap/cat"] == 0
