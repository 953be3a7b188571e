"""Colour shifts against the formula written out, and against the covariance that it stands for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.augment.step.lighting import lighten
from sbn.augment.step_ops import Lighting
from tests.tasks.test_mixing import mix, views_of

STD = (0.25, 0.5, 0.2)
# fb.resnet.torch, written down a second time: component j of channel c
VALUES = {1: 0.2175, 2: 0.0188, 3: 0.0045}
VECTORS = {1: (-0.5675, -0.5808, -0.5836), 2: (0.7192, -0.0045, -0.6948), 3: (0.4009, -0.8140, 0.4203)}


def shifts(op, images, key=7):
    """(N, 3): what was added to every image, in pixels from 0 to 1, the same everywhere in it."""
    moved = lighten(op, jax.random.key(key), images, std=STD) - images
    np.testing.assert_allclose(moved, np.broadcast_to(moved[:, :1, :1], moved.shape), rtol=0, atol=1e-6)
    return np.asarray(moved[:, 0, 0], np.float64) * STD


def test_a_shift_is_the_sum_of_its_components():
    op, images = Lighting(0.3), jnp.zeros((5, 2, 3, 3))
    drawn = 0.3 * np.asarray(jax.random.normal(jax.random.key(7), (5, 3)), np.float64)
    expected = [[sum(a[j - 1] * VALUES[j] * VECTORS[j][c] for j in (1, 2, 3)) for c in range(3)] for a in drawn]
    # float32 sums of three terms of about 0.1, divided by 0.2 and multiplied again
    np.testing.assert_allclose(shifts(op, images), expected, rtol=1e-5, atol=1e-7)


def test_shifts_have_the_covariance_of_the_components():
    found = shifts(Lighting(), jnp.zeros((40_000, 1, 1, 3)))
    vectors = np.array([VECTORS[j] for j in (1, 2, 3)])
    expected = 0.01 * (vectors.T * np.array([VALUES[j] ** 2 for j in (1, 2, 3)])) @ vectors
    np.testing.assert_allclose(found.mean(0), 0, atol=5 * np.sqrt(np.diag(expected) / 40_000).max())
    # the relative error of a variance of 40,000 numbers is 0.7 %; the second component is 0.7 % of the first
    np.testing.assert_allclose(np.cov(found.T), expected, rtol=0.04, atol=1e-3 * expected.max())


def test_strength_0_leaves_images_alone():
    images = jnp.asarray(np.random.default_rng(0).normal(size=(3, 2, 2, 3)), jnp.float32)
    np.testing.assert_array_equal(lighten(Lighting(0), jax.random.key(0), images, std=STD), images)


@pytest.mark.parametrize(("draws", "alike"), [((0, 0), True), ((0, 1), False)])
def test_views_that_share_draws_are_shifted_alike_and_every_step_anew(draws, alike):
    x, labels = jnp.zeros((8, 2, 3, 3, 3)), jnp.eye(8)
    views = views_of("lighting", "flip|lighting", draws=draws)
    first, later = (mix(x, labels, views, step).images for step in (0, 1))
    assert bool((first[:, 0] == first[:, 1]).all()) == alike
    assert len({float(image[0, 0, 0, 0]) for image in first}) == 8
    assert not (first == later).any()
    # the plain view beside it stays as it is
    alone = mix(x, labels, views_of("", "lighting")).images
    assert not alone[:, 0].any()
    assert alone[:, 1].any()
