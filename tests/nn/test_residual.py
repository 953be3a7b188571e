"""Shortcuts without parameters against NumPy loops. Means of at most 16 float32 numbers: 1e-6 is several roundings."""

import jax.numpy as jnp
import numpy as np
import pytest

from sbn.nn.residual import pool_and_pad, subsample_and_pad
from tests.models import slow_layers


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
