"""Initial weights against the formulas of the codes they are named after."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.nn.initialisers import INITIALISATIONS, times, uniform

CONV, HEAD = (3, 3, 32, 64), (128, 100)
# standard deviations of a kernel (3, 3, 32, 64) and of a head (128, 100)
EXPECTED = {
    "autoaugment": (math.sqrt(2 / (9 * 64)), 1 / math.sqrt(3 * 100)),
    "he_fan_out": (math.sqrt(2 / (9 * 64)), 1 / math.sqrt(3 * 128)),
    "he_fan_in": (math.sqrt(2 / (9 * 32)), 1 / math.sqrt(3 * 128)),
    "pytorch": (1 / math.sqrt(3 * 9 * 32), 1 / math.sqrt(3 * 128)),
    "tpu": (1 / math.sqrt(9 * 32), 0.01),
}
BOUNDED = {"pytorch": math.sqrt(1 / (9 * 32)), "tpu": 2 / 0.87962566103423978 / math.sqrt(9 * 32)}


@pytest.mark.parametrize("name", INITIALISATIONS)
def test_spreads_are_the_codes(name):
    scheme = INITIALISATIONS[name]
    conv, head = (init(jax.random.key(1), shape) for init, shape in ((scheme.conv, CONV), (scheme.head, HEAD)))
    for values, std in zip((conv, head), EXPECTED[name], strict=True):
        # the std of n draws of a normal is off by 1/sqrt(2n) of itself, of a uniform by less; four of those
        assert float(values.std()) == pytest.approx(std, rel=4 / math.sqrt(2 * values.size))
        assert abs(float(values.mean())) < 4 * std / math.sqrt(values.size)
    largest = float(jnp.abs(conv).max())
    if name in BOUNDED:
        assert 0.99 * BOUNDED[name] < largest <= BOUNDED[name] * (1 + 1e-6)
    else:
        assert largest > 3.5 * EXPECTED[name][0]  # a normal: 18,432 draws reach 4


def test_only_pytorch_draws_the_last_bias():
    assert [name for name, scheme in INITIALISATIONS.items() if scheme.random_bias] == ["pytorch"]


def test_a_factor_scales_and_zero_gives_zeros():
    init = INITIALISATIONS["he_fan_out"].conv
    base, half, none = (times(init, gain)(jax.random.key(0), CONV) for gain in (1.0, 0.5, 0.0))
    np.testing.assert_array_equal(half, base * 0.5)  # a power of two scales exactly
    np.testing.assert_array_equal(none, 0)


def test_uniform_stays_within_its_bound():
    values = uniform(0.3)(jax.random.key(0), (10_000,), jnp.float32)
    assert 0.299 < float(jnp.abs(values).max()) <= 0.3
    assert float(values.min()) < -0.299
