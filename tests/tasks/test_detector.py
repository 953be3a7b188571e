"""An exported detector finds in an image what the run's own evaluation finds, in the pixels of the image's file."""

import jax
import numpy as np
import pytest
from PIL import Image

from sbn import export
from sbn.config.errors import ConfigError
from sbn.data.encoded import seen
from sbn.runs import files
from tests.data.test_voc import CAT, DOG
from tests.data.vocs import write_voc
from tests.tasks.finished import finished
from tests.tasks.test_detection import SMALL

SIZES = {"a": (50, 90), "b": (90, 50), "c": (61, 61)}


@pytest.fixture(scope="module")
def config(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("voc")
    random = np.random.default_rng(0)
    images = {name: (random.integers(0, 256, (*size, 3), dtype=np.uint8), (CAT, DOG)) for name, size in SIZES.items()}
    changes = {
        **write_voc(folder, images),
        "batch_size": 2,
        "eval.augment": "fit(32, 64, turned=True)",
        **{f"views.{view}.augment": "fit(32, 64, turned=True)|flip" for view in ("main", "aux")},
        # So many of the weights' own proposals stay that there is something to compare
        "detection.detections": 5,
    }
    return tiny({**SMALL, **changes})


@pytest.fixture(scope="module")
def run(config, tmp_path_factory):
    """A run's folder, its setup, and the variables that it holds, in which no two branches agree."""
    return finished(config, tmp_path_factory)


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    export.export(run[0], out=folder, branch="aux")
    return folder


def test_it_finds_what_the_branch_finds_in_evaluation(run, exported):
    _, setup, state = run
    detector = export.load(exported)
    words = setup.test.load(np.arange(1))["image"]
    variables = {"params": state.params, "batch_stats": state.batch_stats}
    there = np.asarray(jax.jit(setup.task.outputs)(variables, {"image": words}))[:, 1]  # of the second branch
    image = setup.test.original(0)["image"]
    found = detector.detect(image)
    kept = there[0, :, 4] > 0
    assert kept.sum() == len(found.scores) > 0
    # Two programs, of one branch and of two: they round differently, and random weights make more of it
    np.testing.assert_allclose(found.scores, there[0, kept, 4], rtol=1e-3)
    np.testing.assert_array_equal(found.labels, there[0, kept, 5])
    scale = np.asarray([50 / 32, 90 / 57] * 2)  # the image is 32 x 57 on the canvas
    np.testing.assert_allclose(found.boxes, there[0, kept, :4] * scale, atol=0.02)
    assert (found.boxes <= [50, 90, 50, 90]).all()
    assert found.names == tuple(setup.test.features["boxes"].classes[label] for label in found.labels)
    middle = (found.scores[0] + found.scores[-1]) / 2
    assert len(detector.detect(image, least=middle).scores) == (found.scores >= middle).sum()


def test_an_image_alone_looks_as_it_does_among_others(run):
    test = run[1].test
    for i, _ in enumerate(SIZES):
        alone = seen(Image.fromarray(test.original(i)["image"]), test.images.crop)
        np.testing.assert_array_equal(alone, test.load(np.asarray([i]))["image"][0])


def test_what_is_no_image_is_refused(exported):
    detector = export.load(exported)
    for wrong in (np.zeros((4, 4), np.uint8), np.zeros((1, 4, 4, 3), np.uint8), np.zeros((4, 4, 3))):
        with pytest.raises(ConfigError, match=r"must be \(H, W, 3\) uint8"):
            detector.detect(wrong)
    for least in (float("nan"), "0.5"):
        with pytest.raises(ConfigError, match=f"least = {least!r} must be a number"):
            detector.detect(np.zeros((4, 4, 3), np.uint8), least=least)


def test_a_run_that_names_no_classes_can_not_be_exported(run, tmp_path):
    folder, _, _ = run
    whole = files.read(folder, files.DATA)
    try:
        files.write(folder, files.DATA, {name: value for name, value in whole.items() if name != "classes"})
        with pytest.raises(ConfigError, match="does not name the classes"):
            export.export(folder, out=tmp_path / "out")
    finally:
        files.write(folder, files.DATA, whole)
