"""Float64 in integers against the processor's own, on a million operands chosen to reach every rounding."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.augment.device import float64

COUNT = 1_000_000


def value(x):
    mantissa = (np.asarray(x.high).astype(np.uint64) << np.uint64(32) | np.asarray(x.low)) >> np.uint64(11)
    return np.where(x.negative, -1.0, 1.0) * np.ldexp(mantissa.astype(np.float64), np.asarray(x.exponent) - 52)


@pytest.fixture(scope="module")
def operands():
    """Pairs: of all sizes, whole, next to powers of two, of 27 bits (whose products lie at ties), almost cancelling."""
    rng = np.random.default_rng(0)

    def some():
        x = rng.standard_normal(COUNT) * 2.0 ** rng.integers(-40, 40, COUNT)
        power = np.ldexp(1.0, rng.integers(-60, 20, COUNT))
        kinds = [
            rng.integers(-300, 301, COUNT),
            power * (1 - 2.0**-53 * rng.integers(0, 3, COUNT)),
            power * rng.integers(-(2**27), 2**27, COUNT),
            rng.integers(-600, 600, COUNT) / 2,
        ]
        kind = rng.integers(0, 8, COUNT)
        return np.select([kind == i for i in range(len(kinds))], kinds, x)

    a, b = some(), some()
    return a, np.where(rng.random(COUNT) < 0.2, -a * (1 + 2.0**-52 * rng.integers(-3, 4, COUNT)), b)


def test_products_sums_and_tenths_have_the_processors_bits(operands):
    a, b = operands
    x, y = map(float64.constant, operands)
    np.testing.assert_array_equal(value(x), a)
    np.testing.assert_array_equal(value(jax.jit(float64.multiply)(x, y)), a * b)
    np.testing.assert_array_equal(value(jax.jit(float64.add)(x, y)), a + b)
    np.testing.assert_array_equal(value(jax.jit(float64.tenth)(x)), a / 10)
    np.testing.assert_array_equal(value(jax.jit(lambda x, y: float64.add(x, float64.negate(y)))(x, y)), a - b)


def test_zero_is_neutral():
    numbers = np.array([0.0, 1.0, -1.5, 2.0**-60, 1e18])
    x, zero = float64.constant(numbers), float64.constant(0.0)
    np.testing.assert_array_equal(value(float64.add(x, zero)), numbers)
    np.testing.assert_array_equal(value(float64.add(zero, x)), numbers)
    np.testing.assert_array_equal(value(float64.multiply(x, zero)), 0 * numbers)
    # a zero that came of a product or of a difference is one like any other
    made = float64.add(x, float64.negate(x))
    np.testing.assert_array_equal(value(float64.add(made, x)), numbers)
    np.testing.assert_array_equal(value(float64.add(float64.multiply(x, zero), x)), numbers)


def test_whole_parts_and_what_remains(operands):
    a, _ = operands
    a = np.concatenate([a, [0.0, 0.5, -0.5, 1.0, -1.0, -2.0, 2.0**-53, 31.75, 2.0**29 + 0.25]])
    a = a[np.abs(a) < 2**30]
    x = float64.constant(a)
    whole, rest = jax.jit(float64.floor)(x)
    np.testing.assert_array_equal(whole, np.floor(a))
    fine = (a >= 0) & (a * 2.0**64 % 1 == 0)  # no finer than 2**-64
    np.testing.assert_array_equal(value(float64.from_fraction(rest))[fine], (a - np.floor(a))[fine])
    for limit in (1, 224):
        np.testing.assert_array_equal(float64.between(x, limit), (a >= 0) & (a < limit))


def test_far_numbers_are_not_between():
    far = np.array([1e15, -1e15, 2.0**31, 2.0**32, 2.0**33 + 1, -(2.0**32)])
    assert not np.any(float64.between(float64.constant(far), 1 << 29))


def test_float32_is_rounded_as_numpy_does(operands):
    a = np.abs(np.concatenate([*operands, np.float32(np.linspace(0.1, 2, 999)) + 2.0**-25]))
    a = a[a > 0]
    mantissa, exponent = jax.jit(float64.float32)(float64.constant(a))
    assert np.asarray(mantissa).max() == 2**24  # one more than fits, which is rounded to the next power of two
    found = np.ldexp(np.asarray(mantissa).astype(np.float64), np.asarray(exponent) - 23)
    np.testing.assert_array_equal(found, a.astype(np.float32))


def test_whole_numbers_and_choices():
    numbers = np.concatenate([np.arange(-300, 300), [2**31 - 1, 1 - 2**31, 2**24, 2**24 + 1]]).astype(np.int32)
    x = float64.from_int(jnp.asarray(numbers))
    np.testing.assert_array_equal(value(x), numbers)
    chosen = float64.where(jnp.asarray(numbers % 2 == 0), x, float64.constant(0.1))
    np.testing.assert_array_equal(value(chosen), np.where(numbers % 2 == 0, numbers, 0.1))
