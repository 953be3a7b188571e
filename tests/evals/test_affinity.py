"""Affinity and Diversity against a slow sum over images, pipelines and draws, each draw by its address."""

import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.data.pixels import pack
from sbn.evals.affinity import Affinity
from sbn.evals.augmented import Augmented, make_augment, view_pipelines
from sbn.evals.diversity import Diversity
from sbn.evals.predictions import Predict
from sbn.evals.scores import Measure
from sbn.train.mesh import make_mesh
from tests.evals.parts import CLASSES, ByPixels
from tests.evals.parts import source as numbered

SIDE, M = 16, 11
PIPELINES = ("", "flip", "randaugment(2, 9)|crop(2)|flip|cutout(6)")


@pytest.fixture
def images():
    pixels = np.random.default_rng(0).integers(0, 256, (M, SIDE, SIDE, 3), np.uint8)
    return numbered(M, side=SIDE).with_images(pixels)


def augments(config):
    return {text: make_augment(config, text, image_size=(SIDE, SIDE), key="key") for text in PIPELINES}


def measure(task, *, batch_size=4):
    predict = Predict(task, make_mesh(batch_size=8), batch_size=batch_size)
    return Measure(predict, branches=task.branches, mix=(0.5,), average="probabilities")


def slow_scores(task, words, labels):
    """Accuracy and loss of main, aux and their mean, one image at a time."""
    right, lost = np.zeros(3), np.zeros(3)
    for logits, label in zip(task.slow_logits(words), labels, strict=True):
        p = [np.exp(row) / np.exp(row).sum() for row in logits]
        for index, prediction in enumerate([*p, (p[0] + p[1]) / 2]):
            right[index] += prediction.argmax() == label
            lost[index] -= np.log(prediction[label])
    return right / len(labels), lost / len(labels)


def test_affinity_is_augmented_minus_clean_accuracy_averaged_over_draws(tiny, images):
    task, own = ByPixels(SIDE), augments(tiny())
    found = dict(Affinity(measure(task), images, own, draws=3)({}))
    clean, _ = slow_scores(task, pack(images.images), images.labels)
    for text, augment in own.items():
        per_draw = [
            slow_scores(task, augment(pack(images.images), np.arange(M), draw), images.labels)[0] - clean
            for draw in range(3)
        ]
        for index, name in enumerate(("main", "aux", "mix_0.5")):
            assert found[f"test/{name}/affinity/{text or 'none'}"] == pytest.approx(
                np.mean(per_draw, axis=0)[index], abs=1e-12
            )
            row = PIPELINES.index(text)
            np.testing.assert_allclose(found[f"test/{name}/affinity"][row], np.array(per_draw)[:, index], atol=1e-12)
    assert found["test/main/affinity/none"] == 0
    assert list(found["test/pipelines"]) == ["none", *PIPELINES[1:]]
    assert len({tuple(row) for row in found["test/main/affinity"][2:]}) == 1  # each pipeline's own row
    assert len(set(found["test/main/affinity"][2])) > 1  # draws differ


def test_diversity_is_the_loss_on_augmented_images(tiny, images):
    task, own = ByPixels(SIDE), augments(tiny())
    found = dict(Diversity(measure(task), images, own)({}))
    for row, (text, augment) in enumerate(own.items()):
        _, losses = slow_scores(task, augment(pack(images.images), np.arange(M), 0), images.labels)
        for index, name in enumerate(("main", "aux", "mix_0.5")):
            # float32 logits of size 10 against float64 ones: 1e-6 of them
            assert found[f"train/{name}/diversity/{text or 'none'}"] == pytest.approx(losses[index], rel=1e-5)
            assert found[f"train/{name}/diversity"][row] == found[f"train/{name}/diversity/{text or 'none'}"]
    assert CLASSES > 5


def test_augmentations_do_not_depend_on_batches_nor_on_the_other_pipelines(tiny, images):
    augment = augments(tiny())[PIPELINES[2]]
    whole = Augmented(images, augment, draw=0)
    parts = [whole[slice(start, min(start + 3, M))] for start in range(0, M, 3)]
    np.testing.assert_array_equal(np.concatenate(parts), whole[slice(0, M)])
    assert (whole[slice(0, M)] != Augmented(images, augment, draw=1)[slice(0, M)]).any(axis=(1, 2)).mean() > 0.9
    alone = make_augment(tiny(), PIPELINES[2], image_size=(SIDE, SIDE), key="key")
    np.testing.assert_array_equal(Augmented(images, alone, draw=0)[slice(2, 5)], whole[slice(2, 5)])
    other = make_augment(tiny({"seed": 1}), PIPELINES[2], image_size=(SIDE, SIDE), key="key")
    assert (Augmented(images, other, draw=0)[slice(0, M)] != whole[slice(0, M)]).any()


def test_both_data_paths_draw_the_same(tiny, images):
    words = [
        Augmented(images, augments(tiny({"data.path": path}))[PIPELINES[2]], draw=1)[slice(0, M)]
        for path in ("host", "device")
    ]
    np.testing.assert_array_equal(*words)


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("flpi", "host", ["eval.affinity.pipelines = 'flpi'", "did you mean 'flip'"]),
        ("resize_and_pad(20)", "host", ["resize_and_pad", "16"]),
        ("resize_and_pad(20)", "device", ["resize_and_pad", "16"]),
    ],
)
def test_pipelines_that_can_not_run_are_refused(tiny, text, path, words):
    with pytest.raises(ConfigError) as caught:
        make_augment(tiny({"data.path": path}), text, image_size=(SIDE, SIDE), key="eval.affinity.pipelines")
    for word in words:
        assert word in str(caught.value)


def test_the_views_pipelines_are_those_of_their_last_stage(tiny):
    stages = {"stages": ("a", "b"), "stage.b.branches": ("main",), "stage.b.views.main.augment": "flip"}
    assert view_pipelines(tiny(stages)) == {"main": "flip", "aux": "randaugment(1, 4)|crop(2)|flip"}
