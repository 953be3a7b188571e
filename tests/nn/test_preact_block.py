"""The pre-activation block: where its shortcut starts. tests/models/test_network.py has the whole, against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.nn.initialisers import INITIALISATIONS
from sbn.nn.layers import Layers
from sbn.nn.norms import make_norm
from sbn.nn.preact_block import PreActBlock
from sbn.nn.residual import pool_and_pad

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
