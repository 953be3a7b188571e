"""The pre-activation block, and shortcuts without parameters against NumPy loops.

tests/models/test_network.py has whole networks of blocks, against NumPy. Means of at most 16 float32 numbers: 1e-6 is
several roundings.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.nn.initialisers import INITIALISATIONS
from sbn.nn.layers import Layers
from sbn.nn.norms import make_norm
from sbn.nn.residual import PreActBlock, pool_and_pad, subsample_and_pad
from tests.models import slow_layers

X = jnp.asarray(np.random.default_rng(0).normal(size=(2, 6, 6, 3)), jnp.float32)


def block(kind, **fields):
    made = Layers(make_norm(kind), INITIALISATIONS["he_fan_out"], blocks=1)
    return PreActBlock(**{"channels": 3, "stride": 1, "shortcut": "pool_pad", "layers": made, **fields})


@pytest.mark.parametrize("activate_split", [True, False])
@pytest.mark.parametrize(("channels", "stride"), [(3, 1), (6, 2)])
def test_the_shortcut_starts_before_or_after_the_activation(activate_split, channels, stride):
    """A Fixup block adds nothing at first: what comes out is its shortcut."""
    y, _ = block("none", activate_split=activate_split, channels=channels, stride=stride).init_with_output(
        jax.random.key(0), X, train=True
    )
    start = jnp.maximum(X, 0) if activate_split else X
    np.testing.assert_array_equal(y, pool_and_pad(start, channels, stride=stride))


@pytest.mark.parametrize(("channels", "convolutions"), [(3, {"conv1", "conv2"}), (6, {"conv1", "conv2", "shortcut"})])
def test_a_convolution_stands_in_the_shortcut_where_channels_change(channels, convolutions):
    variables = block("batch", activate_split=True, shortcut="conv", channels=channels, stride=2).init(
        jax.random.key(0), X, train=True
    )
    kernels = {name: leaf["kernel"].shape for name, leaf in variables["params"].items() if "kernel" in leaf}
    assert set(kernels) == convolutions
    assert kernels.get("shortcut", (1, 1, 3, channels)) == (1, 1, 3, channels)


@pytest.mark.parametrize("size", [(8, 8), (9, 8), (7, 10), (3, 5)])
@pytest.mark.parametrize("stride", [1, 2, 4])
@pytest.mark.parametrize("channels", [3, 6, 8])
def test_pool_and_pad_equals_loops_over_windows(size, stride, channels):
    x = np.random.default_rng(0).normal(size=(4, *size, 3))
    got = pool_and_pad(jnp.asarray(x, jnp.float32), channels, stride=stride)
    np.testing.assert_allclose(got, slow_layers.pool_and_pad(x, channels, stride), atol=1e-6)


def test_channels_are_padded_half_before_and_half_after():
    got = pool_and_pad(jnp.ones((1, 2, 2, 4)), 10, stride=1)
    np.testing.assert_array_equal(got[0, 0, 0], [0, 0, 0, 1, 1, 1, 1, 0, 0, 0])


@pytest.mark.parametrize("size", [8, 9])
def test_pool_and_pad_keeps_the_precision(size):
    assert pool_and_pad(jnp.ones((1, size, size, 2), jnp.bfloat16), 4, stride=2).dtype == jnp.bfloat16


def test_fewer_channels_is_an_error():
    with pytest.raises(ValueError, match="4 channels asked for, fewer than the 8"):
        pool_and_pad(jnp.ones((1, 2, 2, 8)), 4, stride=1)


@pytest.mark.parametrize("size", [(8, 8), (9, 8), (3, 5)])
@pytest.mark.parametrize("stride", [1, 2])
def test_subsample_and_pad_equals_loops_over_pixels(size, stride):
    x = np.random.default_rng(0).normal(size=(2, 3, *size, 3)).astype(np.float32)
    got = subsample_and_pad(jnp.asarray(x), 8, stride=stride)
    for k in range(3):
        np.testing.assert_array_equal(got[:, k], slow_layers.subsample_and_pad(x[:, k], 8, stride))
