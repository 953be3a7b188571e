"""Plasma fractals: a seeded example of an independent program, and the point-by-point oracle."""

import numpy as np
import pytest

from sbn.data.corruptions.plasma import plasma
from tests.oracles import corruptions


def test_a_known_fractal_comes_out():
    found = plasma(np.random.RandomState(0).random_sample((1, 32**2 - 1)), 3)[0]
    np.testing.assert_allclose(found.mean(), 0.46880199461404587, rtol=1e-12)
    first = [0.0, 0.1447955626445696, 0.2293609007967204, 0.3117302410565706]
    np.testing.assert_allclose(found[0, :4], first, rtol=1e-12)
    assert (found.argmin(), found.argmax(), found[0, 16]) == (0, 16, 1.0)


@pytest.mark.parametrize(("size", "decay"), [(8, 1.4), (64, 2)])
def test_a_batch_is_what_is_made_point_by_point(size, decay):
    draws = [np.random.RandomState(seed).random_sample(size**2 - 1) for seed in (1, 2)]
    wanted = [corruptions.plasma(np.random.RandomState(seed), size, decay) for seed in (1, 2)]
    np.testing.assert_allclose(plasma(np.stack(draws), decay), wanted, atol=1e-12)
