"""Spectra against NumPy's covariances of all features at once, classes worked one by one, and what theory says."""

import jax
import numpy as np
import pytest

from sbn.evals.make import make_evaluators
from sbn.evals.predictions import Chosen, Predict
from sbn.evals.spectra import Scatter, Spectra, singular_values
from sbn.train.mesh import make_mesh
from sbn.train.setup import make_setup
from tests.evals.parts import CLASSES, ByPixels, source

DIM, M = 12, 60


class Features(ByPixels):
    """Its features are the pixels times a matrix of the branch's own, and far from 0."""

    def __init__(self):
        super().__init__(4)
        self.weights = np.random.default_rng(5).normal(size=(2, 48, DIM)).astype(np.float32)

    def features(self, variables, images):
        return self.outputs(variables, {"image": images}) + 100.0

    def slow_features(self, images):
        return np.einsum("np,kpc->nkc", images.reshape(len(images), -1) / 255.0, self.weights.astype(np.float64))


@pytest.fixture(scope="module")
def data():
    pixels = np.random.default_rng(0).integers(0, 256, (M, 4, 4, 3), np.uint8)
    return source(M, side=4).with_images(pixels)


def spectra(data, *, batch_size, per_class_mean=False):
    task = Features()
    predict = Predict(task, make_mesh(batch_size=8), batch_size=batch_size, forward=task.features)
    evaluator = Spectra(predict, data, split="train", branches=task.branches, per_class_mean=per_class_mean)
    return task, dict(evaluator({}))


def slow_spectra(features, labels):
    """Definitions, term by term: Σ_W, Σ_T and the mean of the classes' spectra."""
    within, by_class = np.zeros((DIM, DIM)), []
    for label in np.unique(labels):
        own = features[labels == label]
        within += sum(np.outer(h - own.mean(0), h - own.mean(0)) for h in own)
        by_class.append(np.linalg.svd(np.cov(own.T, bias=True), compute_uv=False))
    whole = np.cov(features.T, bias=True)
    return (
        np.linalg.svd(within / len(features), compute_uv=False),
        np.linalg.svd(whole, compute_uv=False),
        np.mean(by_class, axis=0),
    )


@pytest.mark.parametrize("batch_size", [7, 100])
def test_spectra_are_those_of_the_covariances_of_each_branch(data, batch_size):
    task, found = spectra(data, batch_size=batch_size, per_class_mean=True)
    features = task.slow_features(data.images)
    for index, branch in enumerate(("main", "aux")):
        expected = slow_spectra(features[:, index], data.labels)
        for name, spectrum in zip(("intra_class", "all_classes", "per_class"), expected, strict=True):
            # the network's float32 near 100: 4e-6 of features that spread by 4
            np.testing.assert_allclose(found[f"train/{branch}/{name}"], spectrum, rtol=1e-4, atol=1e-5 * spectrum[0])
        for name in ("intra_class", "all_classes"):
            assert found[f"train/{branch}/{name}_trace"] == pytest.approx(found[f"train/{branch}/{name}"].sum())
        # of 7 classes: s_6 / s_8, counted from 1
        assert found[f"train/{branch}/gap"] == pytest.approx(expected[1][5] / expected[1][7], rel=1e-3)
    assert found["train/classes"] == CLASSES


def test_spectra_of_classes_are_asked_for(data):
    _, found = spectra(data, batch_size=100)
    assert not [name for name in found if "per_class" in name]


def test_parts_add_up_to_the_whole_far_from_the_origin():
    vectors = np.random.default_rng(1).normal(size=(40, 2, 5)) + 1e7
    parts = Scatter.of(vectors[:1]) + Scatter.of(vectors[1:30]) + Scatter.of(vectors[30:])
    for k in range(2):
        # deviations from a mean near 1e7 keep 1e-9; sums of squares around 0 would keep none of it
        np.testing.assert_allclose(parts.squares[k] / 40, np.cov(vectors[:, k].T, bias=True), atol=1e-7)
        np.testing.assert_allclose(parts.mean[k], vectors[:, k].mean(0), rtol=1e-14)
    assert parts.count == 40


def test_classes_that_have_collapsed_leave_as_many_values_as_there_are_means_to_spread():
    rng = np.random.default_rng(2)
    means, labels = rng.normal(size=(CLASSES, DIM)), np.arange(70) % CLASSES
    collapsed = np.array([means[label] for label in labels])[:, None]
    within = sum(Scatter.of(collapsed[labels == label]).squares for label in range(CLASSES))
    assert singular_values(within).max() < 1e-12
    spectrum = singular_values(Scatter.of(collapsed).squares)[0]
    assert spectrum[CLASSES - 2] > 0.1  # rank of the means' covariance: classes - 1
    assert spectrum[CLASSES - 1] < 1e-12


def test_features_are_what_the_last_layer_is_given(tiny):
    """Every branch's logits are its features times the head, on a network whose branches differ; and test images."""
    config = tiny({"eval.evals": ("spectra",), "eval.spectra.split": "test"})
    setup = make_setup(config)
    variables = setup.task.init(jax.random.key(0))
    variables["batch_stats"] = jax.tree.map(
        lambda leaf: leaf * np.array([[1.0], [1.5]], np.float32), variables["batch_stats"]
    )
    features, logits = (
        Predict(setup.task, setup.mesh, batch_size=8, forward=forward)(variables, setup.test.images)
        for forward in (setup.task.features, None)
    )
    head = variables["params"]["head"]
    np.testing.assert_allclose(features @ head["kernel"] + head["bias"], logits, rtol=1e-5, atol=1e-5)
    assert np.abs(features[:, 0] - features[:, 1]).max() > 0.01
    evaluator = make_evaluators(setup.materials(config))["spectra"]
    found = dict(evaluator(variables))
    expected = np.linalg.svd(np.cov(features[:, 1].T.astype(np.float64), bias=True), compute_uv=False)
    np.testing.assert_allclose(found["test/aux/all_classes"], expected, rtol=1e-6, atol=1e-12)


def test_chosen_images_are_looked_at_in_their_order(data):
    order = np.random.default_rng(3).permutation(M)[:9]
    np.testing.assert_array_equal(Chosen(data.images, order)[slice(2, 5)], data.images[order[2:5]])
    assert len(Chosen(data.images, order)) == 9
