"""Distances between branches against numbers worked by hand, and densities against the layer's own activations."""

import itertools

import jax
import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.data.pixels import pack
from sbn.evals.augmented import Augmented, make_augment
from sbn.evals.base import Materials
from sbn.evals.branches import divergence, relative_difference
from sbn.evals.make import make_evaluators
from sbn.train.setup import make_setup


@pytest.fixture
def made(tiny):
    def make(changes=None):
        config = tiny({"eval.evals": ("branches",), **(changes or {})})
        setup = make_setup(config)
        materials = Materials(config, setup.task, setup.mesh, train=setup.train, test=setup.test)
        return setup, make_evaluators(materials)["branches"], setup.task.init(jax.random.key(0))

    return make


def test_divergence_worked_by_hand():
    # N(0, 1) and N(2, 4): KL = 1/2 (1/4 + 4/4 - 1 + ln 4) = 0.818147, and back 1/2 (4 + 4 - 1 - ln 4) = 2.806853
    assert divergence(*map(np.array, ([0.0], [1.0], [2.0], [4.0]))) == pytest.approx(0.818147 + 2.806853, abs=1e-6)
    # a second channel in which nothing differs halves the mean
    two = ([0.0, 5.0], [1.0, 3.0], [2.0, 5.0], [4.0, 3.0])
    assert divergence(*map(np.array, two)) == pytest.approx(3.625 / 2, abs=1e-6)


def test_relative_difference_worked_by_hand():
    assert relative_difference(np.array([3.0, 4.0]), np.array([3.0, 0.0])) == pytest.approx(4 / 4)
    assert relative_difference(np.array([1.0]), np.array([-1.0])) == 2
    assert relative_difference(np.zeros(2), np.zeros(2)) == 0


def test_fresh_branches_are_the_same(made):
    _, evaluator, variables = made()
    found = dict(evaluator(variables))
    for metric in ("divergence", "scale_difference", "bias_difference"):
        assert found[f"model/main_aux/{metric}"] == 0
    np.testing.assert_array_equal(found["test/clean_main/density"], found["test/clean_aux/density"])


def test_a_change_shows_in_its_layer_alone_and_layers_stand_in_order(made):
    _, evaluator, variables = made()
    layer = variables["batch_stats"]["group2_block1"]["norm1"]
    layer["mean"] = layer["mean"].at[1].add(2.0)  # all channels: N(0, 1 + ε) against N(2, 1 + ε)
    scale = variables["params"]["final_norm"]
    scale["scale"] = scale["scale"].at[1].set(3.0)  # 1 against 3: 2 / 2
    found = dict(evaluator(variables))
    layers = [
        "group1_block1/norm1",
        "group1_block1/norm2",
        "group2_block1/norm1",
        "group2_block1/norm2",
        "group3_block1/norm1",
        "group3_block1/norm2",
        "final_norm",
    ]
    assert list(found["model/layers"]) == layers
    expected = np.zeros(7)
    expected[2] = 4 / (1 + 1e-5)
    np.testing.assert_allclose(found["model/main_aux/divergence/by_layer"], expected, rtol=1e-6)
    assert found["model/main_aux/divergence"] == pytest.approx(expected.mean(), rel=1e-6)
    np.testing.assert_allclose(found["model/main_aux/scale_difference/by_layer"], [0] * 6 + [1], atol=1e-7)


def test_densities_are_of_the_layer_the_images_and_the_branch_they_say(made):
    setup, evaluator, variables = made({"eval.branches.layer": "group2_block1", "eval.batch_size": 5})
    block = variables["batch_stats"]["group1_block1"]["norm1"]
    block["mean"] = block["mean"].at[1].add(0.5)
    found = dict(evaluator(variables))
    edges = found["test/edges"]
    config = setup.plan.stages[0].config
    clean = pack(setup.test.images[:5])
    cases = {"clean_main": (clean, 0), "clean_aux": (clean, 1)}
    for branch, view in enumerate(("main", "aux")):
        augment = make_augment(config, config.views[view].augment, image_size=(16, 16), key="")
        cases[view] = (Augmented(setup.test, augment, draw=0)[slice(0, 5)], branch)
    for name, (images, branch) in cases.items():
        values = np.asarray(setup.task.activations(variables, images)["group2_block1"])[:, branch].ravel()
        counts = np.array([np.sum((values >= a) & (values < b)) for a, b in itertools.pairwise(edges)])
        counts[0] += np.sum(values < edges[0])
        counts[-1] += np.sum(values >= edges[-1])
        assert counts.sum() == len(values) == 5 * 8 * 8 * 32
        # two compilations of the same network may place a few values in the neighbouring bin
        density = found[f"test/{name}/density"] * len(values) * (edges[1] - edges[0])
        assert np.abs(density - counts).sum() < 20
    assert np.abs(found["test/clean_main/density"] - found["test/clean_aux/density"]).max() > 0
    assert str(found["test/layer"]) == "group2_block1"


def test_a_view_that_is_called_as_images_as_they_are_is_refused(made):
    with pytest.raises(ConfigError, match=r"'branches' calls what .* of 'main' on .* 'clean_main', and a view"):
        made({"branches": ("main", "clean_main"), "views.clean_main.augment": "flip"})
    made({"branches": ("main", "clean_images"), "views.clean_images.augment": "flip"})


def test_the_default_layer_is_the_first_block(made):
    _, evaluator, variables = made()
    assert str(dict(evaluator(variables))["test/layer"]) == "group1_block1"


def test_shared_scales_do_not_differ_and_one_branch_has_no_pairs(made):
    _, evaluator, variables = made({"norm.kind": "split_stats"})
    assert "model/main_aux/scale_difference" not in dict(evaluator(variables))
    _, evaluator, variables = made({"norm.kind": "shared"})
    names = set(dict(evaluator(variables)))
    assert names == {"test/main/density", "test/aux/density", "test/clean_main/density", "test/edges", "test/layer"}


def test_an_unknown_layer_is_named_with_the_nearest(made):
    with pytest.raises(ConfigError, match="'group1_blok1'; did you mean 'group1_block1'"):
        made({"eval.branches.layer": "group1_blok1"})
