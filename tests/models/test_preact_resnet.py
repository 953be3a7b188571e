"""PreActResNet: parameter counts of the released code, its options, its initial weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from sbn.models.preact_resnet import PreActResNet
from sbn.nn.branches import plain_branch
from tests.models.variables import count, images, initial, made, parameters, random_variables, shapes_of, small


@pytest.mark.parametrize(("classes", "published"), [(10, 11_171_146), (100, 11_217_316), (200, 11_268_616)])
def test_parameter_counts_are_the_published_ones(classes, published):
    assert parameters("preact_resnet", classes=classes) == published


def test_a_final_norm_adds_512_scales_and_biases_a_branch():
    fields = {"classes": 10, "norm": "split"}
    bare, normed = (shapes_of(made(PreActResNet, **fields, branches=2, final_norm=final)) for final in (False, True))
    assert count(normed["params"]) - count(bare["params"]) == 2 * 1024
    assert count(normed["batch_stats"]) - count(bare["batch_stats"]) == 2 * 1024


@pytest.mark.parametrize(("size", "stem_stride", "last"), [(32, 1, 4), (64, 1, 8), (64, 2, 4), (33, 1, 5)])
def test_the_stem_stride_decides_the_last_map(size, stem_stride, last):
    network, seen = small("preact_resnet", stem_stride=stem_stride).network, {}

    def tap(name, x):
        seen[name] = x.shape
        return x

    x = jnp.zeros((2, size, size, 3))
    jax.eval_shape(lambda: network.init(jax.random.key(0), x, train=False, tap=tap))
    assert seen["stage4"] == (2, last, last, 32)
    assert seen["features"] == (2, 32)


def test_without_final_norm_the_last_sum_is_pooled_as_it_is():
    network, x = small("preact_resnet"), images()
    v, seen = plain_branch(random_variables(network), 0), {}
    network.network.apply(v, x[:, 0], train=False, tap=lambda name, y: seen.setdefault(name, y))
    # means of 1 pixel of float32
    np.testing.assert_allclose(seen["features"], seen["stage4"].mean((1, 2)), rtol=1e-6)
    assert float(seen["features"].min()) < 0


def test_weights_start_as_pytorch_starts_them():
    v = initial(made(PreActResNet, depth=10, width=32, classes=100), images(branches=1))
    for path, leaf in flatten_dict(v["params"]).items():
        if path[-1] == "kernel" or path[0] == "head":
            fan_in = 256 if path[0] == "head" else leaf.size // leaf.shape[-1]
            bound = fan_in**-0.5
            # uniform: nothing outside, and the spread is bound / sqrt(3); the std of n draws is off by 0.6 / sqrt(n)
            assert float(jnp.abs(leaf).max()) <= bound * (1 + 1e-6)
            assert float(leaf.std()) == pytest.approx(bound / 3**0.5, rel=4 / leaf.size**0.5), path
            assert float(jnp.abs(leaf).max()) > 0.9 * bound
