"""Float64 arithmetic in 32-bit integers, bit for bit IEEE 754's with rounding half to even.

Inside a step JAX has no float64; accelerators have little or none of it, and compilers fuse multiplications with
additions, which rounds once where Pillow rounds twice. Integers are the same everywhere.
Numbers are zero or from 2**-1000 to 2**1000 in size; there are no infinities.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

_ZERO_EXPONENT = -4000  # smaller than any other, so that an addition leaves its other side as it is
_GUARD = 11  # bits of a 64-bit mantissa beyond float64's 53
_ALL = np.uint32(0xFFFFFFFF)


class Double(NamedTuple):
    """Numbers +-mantissa * 2**(exponent - 63), the mantissa 64 bits with the highest set and the lowest 11 clear.

    Attributes:
        negative: bool.
        exponent: int32.
        high: uint32, the mantissa's upper half; 0 for zero.
        low: uint32, its lower half.
    """

    negative: Any
    exponent: Any
    high: Any
    low: Any


def constant(values: np.ndarray | float) -> Double:
    """Returns float64 numbers known beforehand, in NumPy."""
    values = np.asarray(values, np.float64)
    fraction, exponent = np.frexp(np.abs(values))
    mantissa = (fraction * 2.0**53).astype(np.uint64) << np.uint64(_GUARD)
    exponent = np.where(values == 0, _ZERO_EXPONENT, exponent - 1).astype(np.int32)
    low = (mantissa & np.uint64(_ALL)).astype(np.uint32)
    return Double(np.signbit(values), exponent, (mantissa >> np.uint64(32)).astype(np.uint32), low)


def from_int(values: jax.Array) -> Double:
    """Returns int32 numbers above -2**31."""
    size = jnp.abs(values).astype(jnp.uint32)
    zeros = jax.lax.clz(size)
    exponent = jnp.where(size == 0, _ZERO_EXPONENT, 31 - zeros.astype(jnp.int32))
    return Double(values < 0, exponent, size << (zeros & 31), jnp.zeros_like(size))


def where(condition: jax.Array, chosen: Double, other: Double) -> Double:
    """Returns either, element by element."""
    return Double(*(jnp.where(condition, a, b) for a, b in zip(chosen, other, strict=True)))


def negate(x: Double) -> Double:
    """Returns -x."""
    return x._replace(negative=~x.negative)


def multiply(x: Double, y: Double) -> Double:
    """Returns x * y."""
    top, upper = _wide(x.high, y.high)
    (first, second), (third, fourth) = _wide(x.high, y.low), _wide(x.low, y.high)
    fifth, lowest = _wide(x.low, y.low)
    lower, carry = _sum(second, fourth, fifth)
    upper, more = _sum(upper, first, third, carry)
    top = top + more  # the product is top, upper, lower, lowest: 127 or 128 bits
    long = top >> 31
    short = 1 - long
    high = top << short | jnp.where(long == 0, upper >> 31, 0)
    low = upper << short | jnp.where(long == 0, lower >> 31, 0)
    lost = lower << short | lowest
    return _rounded(x.negative ^ y.negative, x.exponent + y.exponent + long.astype(jnp.int32), high, _jammed(low, lost))


def add(x: Double, y: Double) -> Double:
    """Returns x + y."""
    swap = y.exponent > x.exponent
    large, small = where(swap, y, x), where(swap, x, y)
    # One bit to the right, to make room for a carry, and the smaller number further, to the place of the larger.
    high, low = large.high >> 1, large.low >> 1 | large.high << 31
    other_high, other_low = _shifted_right(small, jnp.minimum(large.exponent - small.exponent + 1, 63))
    differ = large.negative ^ small.negative
    turned = jnp.where(differ, _ALL, 0).astype(jnp.uint32)
    low, carry = _sum(low, other_low ^ turned, turned & 1)
    high = high + (other_high ^ turned) + carry
    below_zero = differ & (high >> 31 == 1)  # the exponents were equal, the smaller mantissa was taken for the larger
    turned = jnp.where(below_zero, _ALL, 0).astype(jnp.uint32)
    low, carry = _sum(low ^ turned, turned & 1)
    return _normal(large.negative ^ below_zero, large.exponent + 1, (high ^ turned) + carry, low)


def tenth(x: Double) -> Double:
    """Returns x / 10."""
    rest, digits = jnp.zeros_like(x.high), []
    for part in (x.high >> 16, x.high & 0xFFFF, x.low >> 16, x.low & 0xFFFF):  # long division
        part = rest << 16 | part
        digits.append(part // 10)
        rest = part % 10
    high, low = digits[0] << 16 | digits[1], digits[2] << 16 | digits[3]
    return _normal(x.negative, x.exponent, high, _jammed(low, rest))


def floor(x: Double) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    """Returns the whole part of x rounded down, int32, and for x >= 0 what remains, for `from_fraction`, to 64 bits.

    Outside -2**30..2**30 neither has a meaning.
    """
    before = jnp.clip(x.exponent + 1, 0, 31).astype(jnp.uint32)  # so many bits of the mantissa stand before the point
    whole = (x.high >> 1 >> (31 - before)).astype(jnp.int32)
    high, low = x.high << before | x.low >> 1 >> (31 - before), x.low << before
    after = jnp.clip(-1 - x.exponent, 0, 63).astype(jnp.uint32)  # so many zeros between the point and the mantissa
    high, low = _shifted_right(Double(x.negative, x.exponent, high, low), after)
    return jnp.where(x.negative, jnp.where(high | low == 0, -whole, ~whole), whole), (high, low)


def from_fraction(fraction: tuple[jax.Array, jax.Array]) -> Double:
    """Returns (high * 2**32 + low) / 2**64."""
    high, low = fraction
    return _normal(jnp.zeros_like(high, bool), jnp.full_like(high, -1, jnp.int32), high, low)


def between(x: Double, limit: jax.Array | int) -> jax.Array:
    """Returns whether 0 <= x < limit, which is below 2**30."""
    return (~x.negative | (x.high == 0)) & (floor(x)[0] < limit) & (x.exponent < 30)


def float32(x: Double) -> tuple[jax.Array, jax.Array]:
    """Returns the nearest float32 of positive numbers: m and e of m * 2**(e - 23), m uint32 up to 2**24."""
    rest = x.high & 0xFF | jnp.where(x.low != 0, 1, 0).astype(jnp.uint32)
    odd = x.high >> 8 & 1
    return (x.high >> 8) + (rest + odd > 0x80), x.exponent


def _wide(a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The 64-bit product of uint32 numbers, as two halves."""
    a1, a0, b1, b0 = a >> 16, a & 0xFFFF, b >> 16, b & 0xFFFF
    middle = a1 * b0 + (a0 * b0 >> 16)
    return a1 * b1 + (middle >> 16) + (a0 * b1 + (middle & 0xFFFF) >> 16), a * b


def _sum(first: jax.Array, *others: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The sum of uint32 numbers modulo 2**32, and how often it passed that."""
    total, carry = first, jnp.zeros_like(first)
    for other in others:
        total = total + other
        carry = carry + (total < other)
    return total, carry


def _jammed(low: jax.Array, lost: jax.Array) -> jax.Array:
    """Sets the lowest bit if anything was lost below it: enough to tell a half from a little more."""
    return low | (lost != 0).astype(jnp.uint32)


def _shifted_right(x: Double, count: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The mantissa shifted by 0 to 63 bits, jammed."""
    far, count = count >= 32, (count & 31).astype(jnp.uint32)
    high, low, lost = jnp.where(far, 0, x.high), jnp.where(far, x.high, x.low), jnp.where(far, x.low, 0)
    lost = lost | low & ((jnp.uint32(1) << count) - 1)
    return high >> count, _jammed(low >> count | high << 1 << (31 - count), lost)


def _normal(negative: jax.Array, exponent: jax.Array, high: jax.Array, low: jax.Array) -> Double:
    """The number with a mantissa of any number of leading zeros."""
    empty = high == 0
    high, low = jnp.where(empty, low, high), jnp.where(empty, 0, low)
    zeros = jax.lax.clz(high)
    exponent = jnp.where(high == 0, _ZERO_EXPONENT, exponent - jnp.where(empty, 32, 0) - zeros.astype(jnp.int32))
    zeros = zeros & 31
    return _rounded(negative, exponent, high << zeros | low >> 1 >> (31 - zeros), low << zeros)


def _rounded(negative: jax.Array, exponent: jax.Array, high: jax.Array, low: jax.Array) -> Double:
    """The number with its mantissa rounded to 53 bits, half to even."""
    low, carry = _sum(low, (1 << _GUARD - 1) - 1 + (low >> _GUARD & 1))
    total = high + carry
    over = (total == 0) & (high != 0)  # rounded up to the next power of two
    high = jnp.where(over, jnp.uint32(1 << 31), total)
    return Double(negative, exponent + over, high, low >> _GUARD << _GUARD)
