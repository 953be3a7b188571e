"""Every size through its branch and the first; multiply-adds, against counts by hand and published ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from sbn.config.errors import ConfigError
from sbn.data.pixels import normalise, pack
from sbn.evals.make import make_evaluators
from sbn.evals.sizes import multiply_adds
from sbn.models.resnet import CifarResNet, ImageNetResNet
from sbn.nn import branches
from sbn.train.setup import make_setup

VIEWS = {
    "eval.evals": ("sizes",),
    "data.test_examples": 30,
    "data.path": "device",
    "branches": ("main", "large", "small"),
    "views.main.augment": "flip",
    "views.large.augment": "flip|resize(24)",
    "views.small.augment": "flip|resize(12)",
}


def made(tiny, changes=None):
    config = tiny({**VIEWS, **(changes or {})})
    setup = make_setup(config)
    variables = setup.task.init(jax.random.key(1))
    if setup.task.branches == ("main", "large", "small"):  # branches that disagree
        bias = variables["params"]["final_norm"]["bias"]
        noise = np.random.default_rng(0).normal(size=bias.shape)
        variables["params"]["final_norm"]["bias"] = np.asarray(noise, np.float32)
    return setup, variables, make_evaluators(setup.materials(config))["sizes"]


def slow_scores(setup, variables, size, branch):
    resized = [Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR) for image in setup.test.images]
    task = setup.task
    inputs = normalise(pack(np.stack(list(map(np.asarray, resized)))), mean=task.mean, std=task.std)
    model, own = task.model.clone(branches=1), branches.select_branch(variables, branch)
    forward = jax.jit(lambda own, images: model.apply(own, images, train=False))
    logits = np.asarray(forward(own, inputs[:, None])[:, 0], np.float64)
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    labels = setup.test.labels
    return (logits.argmax(-1) == labels).mean(), -log_p[np.arange(len(labels)), labels].mean()


def test_every_size_goes_through_the_branch_trained_at_it_and_through_the_first(tiny):
    setup, variables, evaluator = made(tiny, {"eval.sizes.sizes": (12, 24, 20)})
    found = dict(evaluator(variables))
    expected = {(24, "large"), (24, "main"), (20, "main"), (12, "small"), (12, "main")}
    assert {tuple(name.split("/")[:2]) for name in found if name.startswith("test_")} == {
        (f"test_{size}", branch) for size, branch in expected
    }
    for size, branch in expected:
        index = setup.task.branches.index(branch)
        accuracy, loss = slow_scores(setup, variables, size, index)
        assert found[f"test_{size}/{branch}/accuracy"] == accuracy
        assert found[f"test_{size}/{branch}/loss"] == pytest.approx(loss, rel=1e-5)
    assert list(found["sizes/sizes"]) == [24, 20, 12]
    pairs = {"own": ("large", "main", "small"), "main": ("main",) * 3}
    for line, branch_names in pairs.items():
        accuracies = [
            found[f"test_{size}/{name}/accuracy"] for size, name in zip((24, 20, 12), branch_names, strict=True)
        ]
        np.testing.assert_array_equal(found[f"sizes/{line}/accuracy"], accuracies)
    costs = found["sizes/multiply_adds"]
    assert costs[0] > costs[1] > costs[2] == found["model/size_12/multiply_adds"]
    # all of a network but its last layer costs by the pixel; sides here divide by 4, the network's stride
    np.testing.assert_allclose((costs - 640) / (costs[2] - 640), np.square([24, 20, 12]) / 144)


def test_the_sizes_are_those_of_the_views_where_none_is_named(tiny):
    _, variables, evaluator = made(tiny)
    found = dict(evaluator(variables))
    assert list(found["sizes/sizes"]) == [24, 16, 12]
    assert {name for name in found if name.startswith("test_16")} == {
        f"test_16/main/{metric}" for metric in ("accuracy", "top5_accuracy", "loss")
    }


def test_a_shared_branch_sees_all_sizes(tiny):
    setup, variables, evaluator = made(tiny, {"norm.kind": "shared", "eval.sizes.sizes": (12,)})
    found = dict(evaluator(variables))
    assert found["test_12/main/accuracy"] == slow_scores(setup, variables, 12, 0)[0]
    assert not [name for name in found if "small" in name]
    assert "sizes/main/accuracy" not in found  # every size's own branch is the first


def test_mistakes_are_named(tiny):
    with pytest.raises(ConfigError, match="duplicate"):
        tiny({"eval.sizes.sizes": (8, 8)})
    with pytest.raises(ConfigError, match=r"eval\.sizes\.sizes"):
        tiny({"eval.sizes.sizes": (0,)})


def test_products_worked_by_hand():
    x, w = jnp.zeros((2, 3, 5)), jnp.zeros((5, 7))
    assert multiply_adds(lambda x, w: jnp.tanh(x @ w) + 1, x, w) == 2 * 3 * 5 * 7
    image, kernel = jnp.zeros((1, 8, 8, 6)), jnp.zeros((3, 3, 2, 10))  # three groups would need 12 or 15 features

    def conv(image, kernel, groups):
        return jax.lax.conv_general_dilated(
            image, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=groups
        )

    # 4 x 4 pixels come out, each of 12 features of 3 x 3 x 2 products
    grouped = multiply_adds(lambda a, b: conv(a, b, 3), image, jnp.zeros((3, 3, 2, 12)))
    assert grouped == 4 * 4 * 12 * 3 * 3 * 2
    whole = multiply_adds(lambda a, b: conv(a, b, 1), image, jnp.zeros((3, 3, 6, 10)))
    assert whole == 4 * 4 * 10 * 3 * 3 * 6
    assert kernel.size == 180


def test_functions_within_functions_count_as_often_as_they_are_called():
    x = jnp.zeros((4, 4))
    assert multiply_adds(jax.jit(lambda x: jax.jit(lambda y: y @ y)(x) + x @ x), x) == 2 * 4**3
    assert multiply_adds(lambda x: jax.lax.scan(lambda c, _: (c @ c, None), x, None, length=5)[0], x) == 5 * 4**3


def resnet18(side):
    """By hand: 7x7 stem, 3x3 max-pool, stages of (pixels, channels), 1x1 shortcuts, 1000 classes."""
    half = -(-side // 2)
    total, pixels, channels = half**2 * 64 * 3 * 49, -(-half // 2), 64
    for stage in range(4):
        before, channels = channels, 64 * 2**stage
        if stage:
            pixels = -(-pixels // 2)
            total += pixels**2 * channels * before
        total += pixels**2 * channels * 9 * (before + 3 * channels)
    return total + 512 * 1000


def counted(model, side):
    images = jnp.zeros((1, side, side, 3))
    variables = jax.eval_shape(lambda: model.init(jax.random.key(0), images, train=False))
    return multiply_adds(lambda v, x: model.apply(v, x, train=False), variables, images)


@pytest.mark.parametrize("side", [224, 192, 128, 96])
def test_resnet_18_is_what_a_count_by_hand_says(side):
    model = ImageNetResNet(classes=1000, depth=18)
    found = counted(model, side)
    assert found == resnet18(side)
    if side == 224:
        assert found == 1_814_073_344  # 1.81 GFLOPs, as torchvision prints for its ResNet-18


@pytest.mark.parametrize(
    ("model", "side", "published"),
    [
        (ImageNetResNet(classes=1000, depth=50), 224, "4.089 G"),  # torchvision
        (CifarResNet(classes=10, depth=32), 32, "0.069 G"),  # He et al.'s, 69 million
        (CifarResNet(classes=10, norm="none", depth=32), 32, "0.069 G"),  # scalars do not count
    ],
    ids=["resnet50", "resnet32", "fixup32"],
)
def test_networks_cost_what_is_published(model, side, published):
    assert f"{counted(model, side) / 1e9:.3f} G" == published
