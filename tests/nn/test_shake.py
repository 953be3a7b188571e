"""Shake-Shake against its formula: shares that differ forwards and backwards, uniform, and halves in evaluation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.nn.shake import ShakeShake, blend

SHAPE = (128, 3, 3, 5)


def arrays(n, shape=SHAPE, seed=0):
    rng = np.random.default_rng(seed)
    return [jnp.asarray(rng.normal(size=shape), jnp.float32) for _ in range(n)]


def shake(a, b, seed):
    return ShakeShake().apply({}, a, b, train=True, rngs={"shake": jax.random.key(seed)})


def shares_of(y, a, b):
    """The share of `a` in y = s * a + (1 - s) * b, wherever it is well determined."""
    return (y - b) / (a - b)


def backward_shares(a, b, seed):
    """By the gradient of a sum, which is the share in every element."""
    to_a, to_b = jax.grad(lambda a, b: shake(a, b, seed).sum(), argnums=(0, 1))(a, b)
    # rounding of 1 - s in float32
    np.testing.assert_allclose(to_a + to_b, 1, rtol=1e-6)
    return np.asarray(to_a)


def test_the_gradient_is_of_its_own_shares():
    a, b, cotangent = arrays(3)
    forward, backward = jax.random.uniform(jax.random.key(0), (2, SHAPE[0], 1, 1, 1))
    y, pull = jax.vjp(blend, a, b, forward, backward)
    # a difference and a sum of float32 numbers of size 1
    np.testing.assert_allclose(y, forward * a + (1 - forward) * b, atol=1e-6)
    to_a, to_b, *rest = pull(cotangent)
    np.testing.assert_allclose(to_a, backward * cotangent, rtol=1e-6)
    np.testing.assert_allclose(to_b, (1 - backward) * cotangent, rtol=1e-5, atol=1e-6)
    assert not any(leaf.any() for leaf in rest)


def test_with_equal_shares_it_is_the_sum_it_says():
    a, b, cotangent = arrays(3)
    share = jnp.full((SHAPE[0], 1, 1, 1), 0.25)
    ours, theirs = (
        jax.vjp(f, a, b)[1](cotangent)
        for f in (lambda a, b: blend(a, b, share, share), lambda a, b: 0.25 * a + 0.75 * b)
    )
    for mine, its in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-6)


def test_an_image_has_one_share_forwards_and_another_backwards():
    a, b = arrays(2)
    a = jnp.sign(a) * 3 + b  # a - b is 3 or -3: the share of every element is known to 1e-6
    forward = np.asarray(shares_of(shake(a, b, 0), a, b))
    backward = backward_shares(a, b, 0)
    for shares in (forward, backward):
        np.testing.assert_allclose(shares, shares[:, :1, :1, :1] * np.ones(SHAPE), atol=2e-6)
        assert len(np.unique(shares[:, 0, 0, 0].round(6))) == 128
    assert np.abs(forward - backward).max() > 0.3


def test_shares_are_uniform_and_independent():
    a, b = jnp.ones((8000, 1, 1, 1)), jnp.zeros((8000, 1, 1, 1))
    forward = np.ravel(shake(a, b, 1))
    backward = np.ravel(backward_shares(a, b, 1))
    for shares in (forward, backward):
        # Kolmogorov-Smirnov: 1.95 / sqrt(n) is passed once in a thousand times, with a seed that is fixed
        steps = np.abs(np.sort(shares) - (np.arange(8000) + 0.5) / 8000).max()
        assert steps < 1.95 / 8000**0.5
    # correlations of 8,000 pairs have a spread of 1/sqrt(8,000); four of those
    assert abs(np.corrcoef(forward, backward)[0, 1]) < 4 / 8000**0.5
    assert abs(np.corrcoef(forward[1:], forward[:-1])[0, 1]) < 4 / 8000**0.5  # neighbouring images


def test_evaluation_takes_halves():
    a, b = arrays(2)
    module = ShakeShake()
    np.testing.assert_allclose(module.apply({}, a, b, train=False), 0.5 * a + 0.5 * b, rtol=1e-6)
    assert not jax.tree.leaves(module.init(jax.random.key(0), a, b, train=False))


@pytest.mark.parametrize("train", [True, False])
def test_it_keeps_the_precision(train):
    a, b = (x.astype(jnp.bfloat16) for x in arrays(2))
    rngs = {"shake": jax.random.key(0)}
    y, pull = jax.vjp(lambda a, b: ShakeShake().apply({}, a, b, train=train, rngs=rngs), a, b)
    assert {leaf.dtype for leaf in (y, *pull(y))} == {jnp.dtype("bfloat16")}
