"""Augmented test images, Affinity and Diversity, against slow loops."""

import jax
import numpy as np
import pytest

from sbn.augment.pipeline import parse
from sbn.config.errors import ConfigError
from sbn.data.pixels import pack
from sbn.evals.augmented import Affinity, Augmented, Diversity, make_augment, on_images, view_pipelines
from sbn.evals.base import run
from sbn.evals.make import make_evaluators
from sbn.evals.predictions import Predict
from sbn.evals.scores import Scorer
from sbn.evals.sizes import trained_at
from sbn.train.mesh import make_mesh
from sbn.train.setup import make_setup
from tests.evals.parts import CLASSES, ByPixels
from tests.evals.parts import source as numbered

# As rows of Consistent Normalization: ops of the step, and crops whose size a mini-batch draws.
MIXED = {
    "data.test_examples": 8,
    "data.train_examples": 8,
    "views.main.augment": "crop(2)|flip|lighting(0.1)",
    "views.aux.augment": "crop(2)|flip|random_crop_of((8, 12, 16))|mixup(1)",
    "eval.evals": ("affinity", "diversity", "branches", "features", "sizes"),
    "eval.affinity.draws": 1,
    "eval.mix": (),
}


def test_what_is_left_of_a_pipeline_acts_on_one_image():
    assert on_images(parse("flip|random_crop_of((8, 12))|cutout(4)|mixup(1)")) == parse("flip|random_crop(8)|cutout(4)")
    assert on_images(parse("manifold_mixup(1)|lighting(0.1)")) == ()
    assert on_images(parse("flip|crop(2)")) == parse("flip|crop(2)")


def test_pipelines_of_views_are_told_as_they_are_written_unless_something_goes(tiny):
    assert view_pipelines(tiny(MIXED)) == {"main": "crop(2)|flip", "aux": "crop(2)|flip|random_crop(8)"}
    assert view_pipelines(tiny({"views.main.augment": "flip( 0.5 )"}))["main"] == "flip( 0.5 )"


def test_every_evaluator_of_augmented_images_runs_where_the_step_mixes_and_sizes_are_drawn(tiny):
    config = tiny(MIXED)
    setup = make_setup(config)
    variables, found = setup.task.init(jax.random.key(0)), {}
    for evaluator in make_evaluators(setup.materials(config)).values():
        for values in run(evaluator, variables):
            found |= values
    assert {f"test_{side}" for side in (16, 12, 8)} == {name.split("/")[0] for name in found if name[:5] == "test_"}
    expected = ("test_16/main/accuracy", "test_12/aux/accuracy", "test_8/aux/accuracy", "test/aux/overlap")
    texts = ("crop(2)|flip", "crop(2)|flip|random_crop(8)")
    expected += tuple(f"test/aux/affinity/{text}" for text in texts)
    expected += tuple(f"train/aux/diversity/{text}" for text in texts)
    assert np.isfinite([found[name] for name in expected]).all()
    assert {"test/main/density", "test/aux/density", "test/clean_aux/density"} <= found.keys()


@pytest.mark.parametrize(
    ("augment", "branches"),
    [
        ("flip|random_crop_of((8, 12, 16))", {16: 0, 8: 1, 12: 1}),  # 16 is the first view's
        ("random_crop_of((8, 12))|resize(14)", {16: 0, 14: 1}),
        ("resize(12)|mixup(1)", {16: 0, 12: 1}),
    ],
)
def test_every_size_that_batches_draw_belongs_to_its_branch(tiny, augment, branches):
    config = tiny({"views.main.augment": "flip", "views.aux.augment": augment})
    assert trained_at(make_setup(config).materials(config)) == branches


SIDE, M = 16, 11
PIPELINES = ("", "flip", "randaugment(1, 9)|crop(2)|flip|cutout(6)")


@pytest.fixture
def images():
    pixels = np.random.default_rng(0).integers(0, 256, (M, SIDE, SIDE, 3), np.uint8)
    return numbered(M, side=SIDE).with_images(pixels)


def augments(config):
    return {text: make_augment(config, text, image_size=(SIDE, SIDE), key="key") for text in PIPELINES}


def measure(task, *, batch_size=4):
    predict = Predict(task, make_mesh(batch_size=8), batch_size=batch_size)
    return Scorer(predict, branches=task.branches, mix=(0.5,), average="probabilities")


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
    assert view_pipelines(tiny(stages)) == {"main": "flip", "aux": "crop(2)|flip"}
