"""The layers that networks are made of: with normalisation, and with Fixup in its place."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.nn.initialisers import INITIALISATIONS
from sbn.nn.layers import Layers, pool
from sbn.nn.norms import make_norm

X = np.random.default_rng(0).normal(size=(3, 6, 6, 4)).astype(np.float32)


def layers(kind="batch", start="he_fan_out", **fields):
    return Layers(make_norm(kind), INITIALISATIONS[start], **{"blocks": 4, **fields})


class One(nn.Module):
    """A module of one layer, which `make` makes."""

    make: object

    @nn.compact
    def __call__(self, x):
        return self.make(x)


def run(make, x=X):
    return One(make).init_with_output(jax.random.key(0), jnp.asarray(x))


@pytest.mark.parametrize(("kind", "expected"), [("batch", (1.0, 1.0)), ("layer", (1.0, 1.0)), ("none", (0.5, 0.0))])
def test_gains_are_fixups_where_nothing_normalises(kind, expected):
    assert layers(kind).gains(2) == expected


@pytest.mark.parametrize(("symmetric", "before"), [(True, 1), (False, 0)])
def test_padding_is_pytorchs_or_tensorflows(symmetric, before):
    """A convolution of ones over ones counts the pixels it sees: fewer where it reaches into the padding."""
    make = functools.partial(layers(symmetric=symmetric).conv, channels=1, name="conv", stride=2)
    _, variables = run(make)
    ones = jax.tree.map(jnp.ones_like, variables)
    y = One(make).apply(ones, jnp.ones((1, 6, 6, 4)))[0, :, :, 0]
    rows = np.array([3 - before, 3, 2 + before])
    np.testing.assert_array_equal(y, 4 * np.outer(rows, rows))


def test_gain_scales_the_kernel_and_precision_is_that_of_the_network():
    kernels = []
    for gain in (1.0, 0.5):
        y, variables = run(functools.partial(layers(dtype=jnp.bfloat16).conv, channels=5, name="conv", gain=gain))
        assert y.dtype == jnp.bfloat16
        kernels.append(variables["params"]["conv"]["kernel"])
    assert kernels[0].dtype == jnp.float32
    np.testing.assert_array_equal(kernels[1], kernels[0] * 0.5)  # a power of two scales exactly


@pytest.mark.parametrize(("from_zero", "scale"), [(False, 1.0), (True, 0.0)])
def test_normalisation_can_start_from_zero(from_zero, scale):
    y, variables = run(functools.partial(layers().normalise, name="norm", train=True, from_zero=from_zero))
    np.testing.assert_array_equal(variables["params"]["norm"]["scale"], np.full(4, scale))
    assert bool(y.any()) is not from_zero


@pytest.mark.parametrize("kind", ["batch", "none"])
def test_scalars_are_fixups_alone(kind):
    made = layers(kind)
    for method in (made.shift, made.multiply):
        y, variables = run(functools.partial(method, name="scalar"))
        np.testing.assert_array_equal(y, X)
        assert len(jax.tree.leaves(variables)) == (kind == "none")
    _, variables = run(functools.partial(made.normalise, name="norm", train=True))
    assert set(variables) == ({"params"} if kind == "none" else {"params", "batch_stats"})


@pytest.mark.parametrize("start", INITIALISATIONS)
def test_heads_start_as_their_scheme_says_and_at_zero_in_fixup(start):
    features = X.mean((1, 2)).repeat(16, axis=-1)
    _, variables = run(functools.partial(layers(start=start).head, classes=9), features)
    head = variables["params"]["head"]
    assert head["kernel"].any()
    assert bool(head["bias"].any()) is (start == "pytorch")
    assert float(jnp.abs(head["bias"]).max()) <= 1 / 8
    y, variables = run(functools.partial(layers("none", start=start).head, classes=9), features)
    assert y.dtype == jnp.float32
    assert not y.any()
    assert set(variables["params"]) == {"head", "head_shift"}


def test_pooling_takes_the_mean_in_float32():
    y = pool(jnp.asarray(X, jnp.bfloat16))
    assert y.dtype == jnp.float32
    np.testing.assert_allclose(y, jnp.asarray(X, jnp.bfloat16).astype(np.float32).mean((1, 2)), atol=1e-6)
