"""Errors are counted as accuracy is: ties and NaN are wrong, fillers count nothing, images are drawn once."""

import numpy as np
import pytest

from sbn.evals.perturbed import Perturbed, count_errors
from sbn.metrics.accuracy import ranked
from tests.evals.toys import make_materials, make_source, make_variables

LAMBDAS = (0.0, 0.25, 1.0)


@pytest.mark.parametrize("average", ["probabilities", "logits"])
def test_errors_are_those_of_the_accuracy_evaluator(average):
    rng = np.random.default_rng(0)
    logits = (5 * rng.normal(size=(400, 2, 6))).astype(np.float32)
    labels = rng.integers(0, 6, 400).astype(np.int32)
    found = count_errors(logits, labels, mix=LAMBDAS, average=average)
    ranks, _ = ranked(logits, labels, mix=LAMBDAS, average=average)
    np.testing.assert_array_equal(found, (np.asarray(ranks) != 1).sum(axis=0))
    assert len(set(np.asarray(found).tolist())) == 3  # the ends are the branches


def test_ties_and_nan_are_wrong_and_fillers_are_nothing():
    logits = np.zeros((4, 1, 3), np.float32)
    logits[1] = np.nan
    logits[2, 0, 1] = logits[3, 0, 1] = 1.0
    labels = np.array([0, 0, 1, 1], np.int32)
    assert count_errors(logits, labels, mix=(), average="probabilities").tolist() == [2]
    assert count_errors(logits, np.array([-1, -1, 0, 1]), mix=(), average="logits").tolist() == [1]


def test_the_ends_of_a_mix_are_a_branch_alone_even_where_probabilities_round_to_ties():
    logits = np.array([[[1e-9, 0.0], [0.0, 1e-9]]], np.float32)
    found = count_errors(logits, np.zeros(1, np.int32), mix=(0.0, 1.0), average="probabilities")
    np.testing.assert_array_equal(found, [0, 1, 1, 0])


def make(count, examples, changes=None):
    materials = make_materials(make_source(count, (4, 4)), changes)
    identity = Perturbed(
        materials, "x", lambda images, ids, setting: images + setting, np.zeros(3), key="", examples=examples
    )
    return identity


def test_images_are_drawn_once_without_order_and_differ_by_seed():
    drawn = {seed: make(500, 50, {"seed": seed})._ids for seed in (0, 1)}
    for ids in drawn.values():
        assert len(set(ids.tolist())) == 50
        assert (np.diff(ids) > 0).all()
        assert ids.mean() == pytest.approx(249.5, abs=5 * 144 / np.sqrt(50))  # 5 standard errors
    assert len(set(drawn[0]) & set(drawn[1])) < 20
    np.testing.assert_array_equal(make(30, 50)._ids, np.arange(30))


@pytest.mark.parametrize(("batch_size", "layout"), [(500, (1, 23)), (20, (2, 12)), (4, (6, 4)), (1, (23, 1))])
def test_batches_are_even(batch_size, layout):
    assert make(23, 23, {"eval.batch_size": batch_size})._layout == layout


def test_every_setting_is_counted_with_every_image_and_an_error_names_what_it_is_of():
    source = make_source(23, (4, 4))
    shift = Perturbed(
        make_materials(source, {"eval.batch_size": 5}),
        "x",
        lambda images, ids, setting: images + setting[0] * (ids == setting[1]).astype(np.float32)[:, None, None, None],
        np.array([[9.0, id_] for id_ in range(23)], np.float32),
        key="",
        examples=23,
    )
    variables = make_variables((4, 4))
    rates = shift(variables)
    assert tuple(rates) == shift.outcomes == ("main", "aux", "mix_0", "mix_0.3", "mix_1")
    images = source.images.astype(np.float64) / 255

    def wrong(images):
        logits = np.einsum("nhwc,hwckl->nkl", images - 0.5, variables["weights"].astype(np.float64))
        return logits.argmax(-1) != source.labels[:, None]

    for place in range(23):
        moved = images.copy()
        moved[place] += 9
        np.testing.assert_array_equal([rates["main"][place], rates["aux"][place]], wrong(moved).sum(0) / 23)
    assert rates["main"].std() > 0
