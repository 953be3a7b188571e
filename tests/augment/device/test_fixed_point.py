"""Fixed-point numbers against Python's whole numbers, which have as many digits as they need."""

import numpy as np

from sbn.augment.device import fixed_point
from sbn.augment.device.fixed_point import Fixed, constant
from tests import compiling

RNG = np.random.default_rng(0)
PARTS = np.concatenate([RNG.integers(0, 2**32, 5000), [0, 1, 2**31 - 1, 2**31, 2**32 - 1]]).astype(np.uint32)
OTHERS = RNG.permutation(PARTS)


def exact(x):
    """Numbers in units of 2**-32, as Python's whole numbers."""
    return [(int(whole) << 32) + int(part) for whole, part in zip(x.whole, x.fraction, strict=True)]


def some(seed):
    return Fixed(np.random.default_rng(seed).integers(-(2**20), 2**20, len(PARTS)).astype(np.int32), PARTS)


def test_sums_and_opposites_are_exact():
    a, b = some(1), some(2)._replace(fraction=OTHERS)
    assert exact(compiling.jit(fixed_point.add)(a, b)) == [x + y for x, y in zip(exact(a), exact(b), strict=True)]
    assert exact(compiling.jit(fixed_point.negate)(a)) == [-x for x in exact(a)]


def test_products_have_all_their_64_bits():
    high, low = compiling.jit(fixed_point.wide)(PARTS, OTHERS)
    found = [(int(x) << 32) + int(y) for x, y in zip(high, low, strict=True)]
    assert found == [int(x) * int(y) for x, y in zip(PARTS, OTHERS, strict=True)]


def test_half_multiples_are_rounded_down():
    counts = RNG.integers(0, 2**14, len(PARTS)).astype(np.uint32)
    found = exact(compiling.jit(fixed_point.times_half)(PARTS, counts))
    assert found == [int(x) * int(n) // 2 for x, n in zip(PARTS, counts, strict=True)]


def test_constants_are_the_nearest_there_is():
    values = np.concatenate([RNG.uniform(-5000, 5000, 5000), [0, -0.5, 1 / 3, -1e-17, 1e12, -1e12]])
    found = np.array(exact(constant(values))) / 2.0**32
    np.testing.assert_array_equal(found, np.rint(np.clip(values, -(2**29), 2**29) * 2.0**32) / 2.0**32)


def test_float32_is_numpys():
    values = np.concatenate([PARTS[PARTS > 0], 2 ** np.arange(32), 2 ** np.arange(2, 32) - 1]).astype(np.uint32)
    mantissa, exponent = compiling.jit(fixed_point.float32)(values)
    found = np.ldexp(np.asarray(mantissa, np.float64), np.asarray(exponent) - 23)
    expected = (values / 2.0**31).astype(np.float32)
    # halves go up here, to even there
    ties = np.array([int(value) << (32 - int(value).bit_length()) & 0xFF == 0x80 for value in values])
    np.testing.assert_array_equal(found[~ties], expected[~ties])
    assert np.all(np.abs(found - expected) <= np.spacing(expected))
