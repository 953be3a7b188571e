"""Confusion of pixels against PyTorch's and scikit-learn's counts, and cases worked out by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.metrics.mean_iou import MeanIoU, _multiplied, _scattered, confusion

NAMES = ("sky", "road", "car")
METRIC = MeanIoU(("main", "aux"), NAMES)


def counts(truth, predicted):
    """One pixel at a time."""
    made = np.zeros((predicted.shape[1], 3, 3), np.int64)
    for n, y, x in np.ndindex(truth.shape):
        if truth[n, y, x] < 3:
            for k in range(predicted.shape[1]):
                made[k, truth[n, y, x], predicted[n, k, y, x]] += 1
    return made


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(0)
    truth = random.choice([0, 1, 2, 255], (5, 6, 7), p=[0.5, 0.2, 0.2, 0.1]).astype(np.uint8)
    return truth, random.integers(0, 3, (5, 2, 6, 7)).astype(np.uint8)


def test_pixels_are_counted_one_by_one(images):
    truth, predicted = images
    found = jax.jit(lambda a, b: confusion(a, b, classes=3))(truth.astype(np.int32), predicted.astype(np.int32))
    np.testing.assert_array_equal(found, counts(truth, predicted))


def test_processors_and_accelerators_count_alike(images):
    truth, predicted = (jnp.asarray(array, jnp.int32) for array in images)
    np.testing.assert_array_equal(_multiplied(truth, predicted, classes=3), _scattered(truth, predicted, classes=3))


def test_counts_are_scikit_learns(images):
    metrics = pytest.importorskip("sklearn.metrics")
    truth, predicted = images
    known = truth != 255
    for k in range(2):
        expected = metrics.confusion_matrix(truth[known], predicted[:, k][known], labels=[0, 1, 2])
        np.testing.assert_array_equal(confusion(truth, predicted, classes=3)[k], expected)


def test_intersections_over_unions_are_those_of_the_reference(tasks_dir):
    reference = dict(np.load(tasks_dir / "golden/torch_segmentation.npz"))
    matrix, ious = reference["confusion/rows_truth_columns_prediction"], reference["confusion/iou"]
    metric = MeanIoU(("main",), tuple("abcde"))
    state = {"low": matrix[None].astype(np.uint32), "high": np.zeros_like(matrix[None], np.uint32)}
    found = metric.compute(state)
    np.testing.assert_allclose([found[f"main/iou/{name}"] for name in "abcde"], ious, rtol=1e-6)
    assert found["main/miou"] == pytest.approx(ious.mean(), rel=1e-6)
    assert found["main/pixel_accuracy"] == pytest.approx(np.trace(matrix) / matrix.sum())


def test_every_pixel_counts_once_in_any_batches(images):
    truth, predicted = images

    def state(which, valid):
        return METRIC.update(
            METRIC.init(), jnp.asarray(predicted[which]), {"mask": jnp.asarray(truth[which])}, jnp.asarray(valid)
        )

    whole = METRIC.compute(state(slice(None), [True] * 5))
    parts = METRIC.merge(state([0, 1, 2], [True] * 3), state([3, 4, 4], [True, True, False]))
    assert METRIC.compute(parts) == whole
    assert whole["main/miou"] != whole["aux/miou"]


def test_counts_beyond_a_word_are_exact():
    large = {"low": jnp.full((2, 3, 3), 2**32 - 1, jnp.uint32), "high": jnp.zeros((2, 3, 3), jnp.uint32)}
    twice = METRIC.merge(large, large)
    assert int(twice["high"][0, 0, 0]) * 2**32 + int(twice["low"][0, 0, 0]) == 2 * (2**32 - 1)


def test_a_class_that_nobody_sees_is_left_out_of_the_mean_and_one_that_is_only_predicted_counts():
    truth = np.asarray([[[0, 0, 255]]], np.uint8)

    def found(prediction):
        predicted = np.asarray([[[prediction]]] * 1, np.uint8).repeat(2, axis=1)
        return METRIC.compute(
            METRIC.update(METRIC.init(), jnp.asarray(predicted), {"mask": jnp.asarray(truth)}, jnp.ones(1, bool))
        )

    perfect = found([0, 0, 2])  # what is said of a pixel without a class does not matter
    assert (perfect["main/miou"], perfect["main/pixel_accuracy"]) == (1.0, 1.0)
    assert np.isnan(perfect["main/iou/road"])
    half = found([0, 1, 0])
    assert half["main/miou"] == pytest.approx((1 / 2 + 0) / 2)
    assert half["main/class_accuracy"] == pytest.approx(1 / 2)
