"""PGD against its formula in NumPy, on losses whose gradient is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.augment.step.adversarial import attack
from sbn.augment.step_ops import Adversarial

MEAN, STD = (0.5, 0.4, 0.45), (0.25, 0.2, 0.3)


def unit_images(seed=0):
    """Images in [0, 1] with many a black and a white value."""
    return np.clip(np.random.default_rng(seed).normal(0.5, 0.5, (4, 3, 5, 3)), 0, 1)


def run(op, unit, loss, seed=0):
    """The attack in [0, 1]; `loss` is of images in [0, 1]."""
    mean, std = np.asarray(MEAN), np.asarray(STD)
    x = jnp.asarray((unit - mean) / std, jnp.float32)
    new = attack(op, jax.random.key(seed), x, loss=lambda x: loss(x * std + mean), mean=MEAN, std=STD)
    return np.asarray(new, np.float64) * std + mean


WEIGHTS = np.random.default_rng(1).normal(size=(4, 3, 5, 3))
TARGET = np.random.default_rng(2).uniform(size=(4, 3, 5, 3))
# float32 in normalised units: a few 1e-7
CLOSE = 2e-6


@pytest.mark.parametrize("epsilon", [1, 4, 300 / 7])
def test_one_step_on_a_linear_loss_goes_to_the_corner_of_the_ball(epsilon):
    x = unit_images()
    new = run(Adversarial(epsilon, step=epsilon, random_start=False), x, lambda u: (u * WEIGHTS).sum())
    np.testing.assert_allclose(new, np.clip(x + epsilon / 255 * np.sign(WEIGHTS), 0, 1), atol=CLOSE)


@pytest.mark.parametrize("targeted", [False, True])
def test_steps_follow_the_formula(targeted):
    """x <- clip to ball and [0, 1] of x + a sign(grad), on a loss whose gradient changes sign on the way."""
    x, sign = unit_images(), -1 if targeted else 1
    op = Adversarial(8, step=3, steps=7, random_start=False, targeted=targeted)
    new = run(op, x, lambda u: -jnp.square(u - TARGET).sum())
    expected = x.copy()
    for _ in range(7):
        expected = expected + sign * 3 / 255 * np.sign(-2 * (expected - TARGET))
        expected = np.clip(np.clip(expected, x - 8 / 255, x + 8 / 255), 0, 1)
    np.testing.assert_allclose(new, expected, atol=CLOSE)


def test_without_a_gradient_nothing_moves():
    x = unit_images()
    np.testing.assert_allclose(run(Adversarial(8, 2, 3, random_start=False), x, lambda u: 0.0 * u.sum()), x, atol=CLOSE)


@pytest.mark.parametrize("steps", [1, 5])
def test_a_random_start_stays_in_the_ball_and_fills_it(steps):
    x = unit_images()
    new = run(Adversarial(8, 0, steps), x, lambda u: u.sum())
    assert np.abs(new - x).max() <= 8 / 255 + CLOSE
    assert new.min() >= -CLOSE
    assert new.max() <= 1 + CLOSE
    inner = (x > 0.1) & (x < 0.9)
    moves = (new - x)[inner] * 255 / 8
    # Uniform in [-1, 1]: five standard errors of mean and variance
    assert abs(moves.mean()) < 5 / np.sqrt(3 * len(moves))
    assert abs(moves.var() - 1 / 3) < 5 * np.sqrt(4 / 45 / len(moves))
    other = run(Adversarial(8, 0, steps), x, lambda u: u.sum(), seed=1)
    assert (np.abs(other - new) > CLOSE).mean() > 0.5


def test_no_gradient_flows_through_the_attack():
    x = jnp.asarray(unit_images(), jnp.float32)

    def after(x):
        return attack(Adversarial(4), jax.random.key(0), x, loss=jnp.sum, mean=MEAN, std=STD).sum()

    assert not jax.grad(after)(x).any()
