"""Accuracy under each view's transform against the branch's own network on images transformed one at a time."""

import jax
import numpy as np
import pytest
from PIL import Image

from sbn.augment.pipeline import parse
from sbn.config.errors import ConfigError
from sbn.data.pixels import normalise, pack
from sbn.data.views import View
from sbn.evals.make import make_evaluators
from sbn.evals.views import transform, transformed
from sbn.nn import branches
from sbn.train.setup import make_setup

M, SIDE = 30, 8
VIEWS = {
    "eval.evals": ("views",),
    "data.test_examples": M,
    "data.path": "device",
    "branches": ("main", "shrunk"),
    "views.main.augment": "crop(2)|flip",
    "views.shrunk.augment": f"crop(2)|flip|resize_and_pad({SIDE})",
}


def made(tiny, changes=None):
    config = tiny({**VIEWS, **(changes or {})})
    setup = make_setup(config)
    variables = setup.task.init(jax.random.key(1))
    if len(setup.task.branches) > 1:  # branches that disagree
        bias = variables["params"]["final_norm"]["bias"]
        noise = np.random.default_rng(0).normal(size=bias.shape)
        variables["params"]["final_norm"]["bias"] = np.asarray(noise, np.float32)
    return setup, variables, make_evaluators(setup.materials(config))["views"]


def small_copies(images):
    """Pillow's resize in the middle of a black canvas."""
    canvas = np.zeros_like(images)
    top = (images.shape[1] - SIDE) // 2
    for image, copy in zip(images, canvas, strict=True):
        copy[top : top + SIDE, top : top + SIDE] = Image.fromarray(image).resize(
            (SIDE, SIDE), Image.Resampling.BILINEAR
        )
    return pack(canvas)


def slow_scores(setup):
    """Returns (variables, packed images, branch) -> (accuracy, loss), one plain network at a time."""
    task, labels = setup.task, setup.test.labels
    model = task.model.clone(branches=1)
    forward = jax.jit(lambda own, inputs: model.apply(own, inputs, train=False))

    def score(variables, words, branch):
        inputs = normalise(words, mean=task.mean, std=task.std)[:, None]
        logits = np.asarray(forward(branches.select_branch(variables, branch), inputs)[:, 0], np.float64)
        log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        return (logits.argmax(-1) == labels).mean(), -log_p[np.arange(len(labels)), labels].mean()

    return score


def test_every_view_but_the_first_goes_through_its_own_branch_under_its_own_transform(tiny):
    setup, variables, evaluator = made(tiny)
    found = dict(evaluator(variables))
    metrics = ("accuracy", "top5_accuracy", "loss")
    assert list(found) == [f"test_shrunk/shrunk/{metric}" for metric in metrics]
    words, score = small_copies(setup.test.images), slow_scores(setup)
    accuracy, loss = score(variables, words, 1)
    assert found["test_shrunk/shrunk/accuracy"] == accuracy
    assert found["test_shrunk/shrunk/loss"] == pytest.approx(loss, rel=1e-5)  # float32 logits in batches
    # the other branch, or the images as they are, would show
    for _, other in (score(variables, words, 0), score(variables, pack(setup.test.images), 1)):
        assert abs(other - loss) > 1e-3 * loss


def test_one_branch_for_all_sees_every_views_images(tiny):
    setup, variables, evaluator = made(tiny, {"norm.kind": "shared"})
    found = dict(evaluator(variables))
    assert next(iter(found)) == "test_shrunk/main/accuracy"
    loss = slow_scores(setup)(variables, small_copies(setup.test.images), 0)[1]
    assert found["test_shrunk/main/loss"] == pytest.approx(loss, rel=1e-5)


def test_random_places_are_the_same_whenever_they_are_asked_for_and_others_under_another_seed(tiny):
    def images(seed):
        config = tiny({**VIEWS, "views.shrunk.augment": f"flip|resize_and_pad({SIDE}, 'random')", "seed": seed})
        return transformed(make_setup(config).materials(config))["shrunk"].images

    whole = images(0)[slice(0, M)]
    np.testing.assert_array_equal(images(0)[slice(7, 9)], whole[7:9])
    assert (images(1)[slice(0, M)] != whole).any()


def test_a_transform_is_what_the_first_view_has_not():
    first = View(parse("crop(4)|flip|mixup(1)"), 0)
    assert transform(View(parse("crop(4)|flip|resize_and_pad(16)|mixup(1)"), 0), first) == parse("resize_and_pad(16)")
    assert transform(View(parse("crop(2)|flip|mixup(2)"), 0), first) == parse("crop(2)")
    assert transform(first, first) == ()
    assert transform(View(parse("crop(4)|flip|random_crop_of((8, 12))"), 0), first) == parse("random_crop(8)")


def test_one_view_has_nothing_to_transform(tiny):
    with pytest.raises(ConfigError, match="'views' compares views, and the last stage has one, 'main'"):
        made(tiny, {"branches": ("main",)})
