"""Shake-Shake: parameter counts of the released code, its start, what training draws."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from sbn.models.shake_shake import ShakeShakeNet, Skip
from sbn.nn.branches import plain_branch
from sbn.nn.initialisers import INITIALISATIONS
from sbn.nn.layers import Layers
from tests.models.variables import K, images, initial, made, parameters, random_variables, small


@pytest.mark.parametrize(("classes", "published"), [(10, 26_192_922), (100, 26_227_572)])
def test_parameter_counts_are_the_published_ones(classes, published):
    assert parameters("shake_shake", classes=classes) == published


def test_the_second_half_of_a_skip_sees_pixels_one_further_up_and_left():
    layers = Layers(None, INITIALISATIONS["he_fan_out"], blocks=1)
    x = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (1, 6, 6, 1)), jnp.float32)
    one = {"kernel": jnp.ones((1, 1, 1, 1))}
    params = {"conv1": one, "conv2": one, "norm": {"bias": jnp.zeros(())}}
    for stride in (1, 2):
        y = Skip(channels=2, stride=stride, layers=layers).apply({"params": params}, x, train=False)[0]
        seen = np.maximum(x[0, ..., 0], 0)
        np.testing.assert_array_equal(y[..., 0], seen[::stride, ::stride])
        np.testing.assert_array_equal(
            y[1:, 1:, 1], seen[stride - 1 : -1 : stride, stride - 1 : -1 : stride][: len(y) - 1]
        )
        np.testing.assert_array_equal(y[0, :, 1], 0)
        np.testing.assert_array_equal(y[:, 0, 1], 0)


def test_training_draws_from_shake_alone_and_evaluation_draws_nothing():
    network, x = small("shake_shake"), images()
    v = random_variables(network)

    @jax.jit
    def train(seed):
        return network.apply(v, x, train=True, mutable=["batch_stats"], rngs={"shake": jax.random.key(seed)})[0]

    first, again, other = train(0), train(0), train(1)
    np.testing.assert_array_equal(first, again)
    assert float(jnp.abs(first - other).max()) > 1e-2
    jax.eval_shape(lambda: network.apply(v, x, train=False))
    with pytest.raises(Exception, match="shake"):
        jax.eval_shape(lambda: network.apply(v, x, train=True, mutable=["batch_stats"]))


def test_every_block_and_every_image_has_shares_of_its_own():
    network = small("shake_shake", depth=14)
    x = jnp.repeat(images(n=1, branches=1)[:, 0], 3 * K, axis=0)
    v = plain_branch(random_variables(network), 0)

    # the branches' last normalisation as a constant: 1 of the first branch, 0 of the second, so that a block adds
    # the share of the first to its shortcut
    def constant(path, leaf):
        name = jax.tree_util.keystr(path)
        if "branch" in name and "norm2" in name:
            return leaf * 0 + float("branch1" in name and "'bias'" in name)
        return leaf

    v["params"] = jax.tree_util.tree_map_with_path(constant, v["params"])

    @jax.jit
    def shares(v, x):
        _, state = network.network.apply(
            v,
            x,
            train=True,
            capture_intermediates=True,
            mutable=["batch_stats", "intermediates"],
            rngs={"shake": jax.random.key(0)},
        )
        blocks = {name: block["shake"]["__call__"][0] for name, block in state["intermediates"].items() if "_b" in name}
        return {name: (y.min((1, 2, 3)), y.max((1, 2, 3))) for name, y in blocks.items()}

    found = shares(v, x)
    low, high = (np.concatenate([np.ravel(pair[i]) for pair in found.values()]) for i in (0, 1))
    np.testing.assert_array_equal(low, high)  # one share an image, whatever the pixel and the channel
    assert len(low) == 6 * 3 * K == len(set(low.tolist()))
    assert low.min() >= 0
    assert high.max() <= 1


def test_weights_start_as_in_the_released_code():
    v = initial(made(ShakeShakeNet, depth=8, width=32, classes=100), images(branches=1))
    for path, leaf in flatten_dict(v["params"]).items():
        if path == ("head", "kernel"):
            # uniform in ±1/sqrt(features), Torch's own start
            assert float(jnp.abs(leaf).max()) <= 128**-0.5
            assert float(leaf.std()) == pytest.approx((3 * 128) ** -0.5, rel=0.03)
        elif path[-1] == "kernel":
            size, _, _, channels = leaf.shape
            # the std of n draws is off by 1/sqrt(2n) of itself; five of those
            wanted = math.sqrt(2 / (size**2 * channels))
            assert float(leaf.std()) == pytest.approx(wanted, rel=5 / math.sqrt(2 * leaf.size)), path
        else:
            np.testing.assert_array_equal(leaf, float(path[-1] == "scale"))


def test_an_odd_width_is_refused():
    with pytest.raises(ValueError, match="width 5 is odd"):
        small("shake_shake", width=5).init(jax.random.key(0), images(), train=False)
