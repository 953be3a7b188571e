"""Distributions of features against all values at once: NumPy's histogram and SciPy's Wasserstein distance."""

import jax
import numpy as np
import pytest
from scipy import stats

from sbn.config.errors import ConfigError
from sbn.data.pixels import pack
from sbn.evals.augmented import make_augment
from sbn.evals.features import BINS
from sbn.evals.make import make_evaluators
from sbn.train.setup import make_setup

M = 13
VIEWS = {
    "eval.evals": ("features",),
    "data.path": "device",
    "views.main.augment": "crop(2)|flip",
    "views.aux.augment": "crop(2)|flip|resize_and_pad(8)",
}


def made(tiny, changes=None, *, depart=True):
    config = tiny({**VIEWS, **(changes or {})})
    setup = make_setup(config)
    variables = setup.task.init(jax.random.key(1))
    if depart and len(setup.task.branches) > 1:  # branches that disagree
        norm = variables["params"]["group1_block1"]["norm1"]
        norm["bias"] = norm["bias"].at[1].add(np.linspace(-1, 2, norm["bias"].shape[1]))
    return config, setup, variables, make_evaluators(setup.materials(config))["features"]


def slow_values(config, setup, variables, *, text, branch, layer="group1_block1", count=M):
    words = pack(setup.test.images[:count])
    if text:
        augment = make_augment(config, text, image_size=words.shape[1:], key="")
        words = augment(words, np.arange(count), 0)
    found = jax.jit(lambda variables, words: setup.task.activations(variables, words)[layer])(variables, words)
    return np.asarray(found)[:, branch].astype(np.float64)


def check(found, clean, transformed, view="aux"):
    """Compares what was found with both sets of values."""
    edges = found["test/edges"]
    assert len(edges) == BINS + 1
    masses = {}
    for name, values in (("clean_main", clean), (view, transformed)):
        counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
        masses[name] = counts / values.size
        # interpolated within a 64th of a bin, where a few values more or less may lie
        np.testing.assert_allclose(found[f"test/{name}/density"] * np.diff(edges), masses[name], atol=0.004)
        assert (found[f"test/{name}/density"] * np.diff(edges)).sum() == pytest.approx(1)
    expected = np.minimum(masses["clean_main"], masses[view]).sum()
    assert found[f"test/{view}/overlap"] == pytest.approx(expected, abs=0.01)
    step = (max(clean.max(), transformed.max()) - min(clean.min(), transformed.min())) / (64 * BINS)
    distance = stats.wasserstein_distance(clean.ravel(), transformed.ravel())
    assert found[f"test/{view}/wasserstein"] == pytest.approx(distance, abs=step)
    return expected, distance


def test_each_view_goes_through_its_own_branch_and_its_transform_alone(tiny):
    config, setup, variables, evaluator = made(tiny)
    found = dict(evaluator(variables))
    clean = slow_values(config, setup, variables, text="", branch=0)
    transformed = slow_values(config, setup, variables, text="resize_and_pad(8)", branch=1)
    overlap, distance = check(found, clean, transformed)
    wrong = slow_values(config, setup, variables, text="resize_and_pad(8)", branch=0)
    assert abs(stats.wasserstein_distance(clean.ravel(), wrong.ravel()) - distance) > 0.1 * distance
    assert 0 < overlap < 0.99
    assert str(found["test/layer"]) == "group1_block1"
    pooled = np.concatenate([clean.ravel(), transformed.ravel()])
    low, high = found["test/edges"][[0, -1]]
    step = (pooled.max() - pooled.min()) / (64 * BINS)
    for tail, end in ((pooled, low), (-pooled, -high)):  # a thousandth lies beyond, to a step of the grid
        assert np.mean(tail < end - 1e-5) <= 0.001 <= np.mean(tail < end + step + 1e-5)


def test_batches_do_not_matter(tiny):
    _, _, variables, evaluator = made(tiny, {"eval.batch_size": 3})
    found = dict(evaluator(variables))
    whole = dict(made(tiny)[3](variables))
    np.testing.assert_allclose(found["test/edges"], whole["test/edges"], rtol=1e-5, atol=1e-6)
    assert found["test/aux/overlap"] == pytest.approx(whole["test/aux/overlap"], abs=1e-3)


def test_what_is_shared_and_not_transformed_overlaps_fully(tiny):
    changes = {"norm.kind": "shared", "views.aux.augment": "crop(2)|flip"}
    found = dict(made(tiny, changes)[3](made(tiny, changes)[2]))
    assert found["test/aux/overlap"] == pytest.approx(1, abs=1e-12)
    assert found["test/aux/wasserstein"] == 0


def test_means_of_channels_and_a_part_of_the_images_of_another_layer(tiny):
    changes = {
        "eval.features.per_channel": True,
        "eval.features.layer": "group2_block1/norm1",
        "eval.features.examples": 9,
    }
    config, setup, variables, evaluator = made(tiny, changes)
    found = dict(evaluator(variables))
    clean, transformed = (
        slow_values(config, setup, variables, text=text, branch=branch, layer="group2_block1/norm1", count=9).mean(
            axis=(1, 2)
        )
        for text, branch in (("", 0), ("resize_and_pad(8)", 1))
    )
    assert clean.shape == (9, 16)
    # 144 values each: one of them on the other side of an edge is 0.007
    edges = found["test/edges"]
    counts, _ = np.histogram(np.clip(clean, edges[0], edges[-1]), edges)
    density = found["test/clean_main/density"] * np.diff(edges)
    assert np.abs(density - counts / clean.size).sum() < 0.2
    step = (max(clean.max(), transformed.max()) - min(clean.min(), transformed.min())) / (64 * BINS)
    distance = stats.wasserstein_distance(clean.ravel(), transformed.ravel())
    assert found["test/aux/wasserstein"] == pytest.approx(distance, abs=2 * step)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"branches": ("main", "clean_main"), "views.clean_main.augment": "flip"},
            ["'features'", "'clean_main'", "a view has this name"],
        ),
        ({"branches": ("main",)}, ["'features' compares views", "'main'"]),
        ({"eval.features.layer": "group1_blok1"}, ["eval.features.layer", "did you mean 'group1_block1'"]),
    ],
)
def test_mistakes_are_named(tiny, changes, words):
    with pytest.raises(ConfigError) as caught:
        made(tiny, changes)
    for word in words:
        assert word in str(caught.value)
