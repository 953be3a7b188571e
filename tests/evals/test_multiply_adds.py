"""Multiply-adds against counts by hand, and against those that papers and model zoos print."""

import jax
import jax.numpy as jnp
import pytest

from sbn.evals.multiply_adds import multiply_adds
from sbn.models.resnet import CifarResNet, ImageNetResNet


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
