"""Fixed-point numbers in 32-bit integers: positions of AugMix's bilinear ops, and products that need 64 bits.

Steps have no float64, and compilers fuse float32 multiplications with additions, so that results would depend on the
machine. Integers are the same everywhere. Next to the host path's float64 positions are off by up to 2**-20 pixels
at 4096 pixels (2**-24 at 256).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

_ONE = 2.0**32


class Fixed(NamedTuple):
    """Numbers whole + fraction / 2**32.

    Attributes:
        whole: int32.
        fraction: uint32.
    """

    whole: Any
    fraction: Any


def constant(values: np.ndarray) -> Fixed:
    """Returns numbers known beforehand, below 2**29 in size, to the nearest, in NumPy; larger ones become 2**29."""
    scaled = np.rint(np.clip(np.asarray(values, np.float64), -(2.0**29), 2.0**29) * _ONE).astype(np.int64)
    return Fixed((scaled >> 32).astype(np.int32), (scaled & 0xFFFFFFFF).astype(np.uint32))


def add(x: Fixed, y: Fixed) -> Fixed:
    """Returns x + y, exact."""
    fraction = x.fraction + y.fraction
    return Fixed(x.whole + y.whole + (fraction < x.fraction).astype(jnp.int32), fraction)


def negate(x: Fixed) -> Fixed:
    """Returns -x, exact."""
    return Fixed(-x.whole - (x.fraction != 0).astype(jnp.int32), jnp.uint32(0) - x.fraction)


def where(condition: jax.Array, chosen: Fixed, other: Fixed) -> Fixed:
    """Returns either, element by element."""
    return Fixed(*(jnp.where(condition, a, b) for a, b in zip(chosen, other, strict=True)))


def times_half(part: jax.Array, count: Any) -> Fixed:
    """Returns part / 2**32 * count / 2 for uint32 numbers, rounded down to 2**-32."""
    high, low = wide(part, count)
    return Fixed((high >> 1).astype(jnp.int32), high << 31 | low >> 1)


def wide(a: Any, b: Any) -> tuple[jax.Array, jax.Array]:
    """Returns the 64-bit products of uint32 numbers, as two halves, the higher first."""
    a, b = jnp.asarray(a, jnp.uint32), jnp.asarray(b, jnp.uint32)
    a1, a0, b1, b0 = a >> 16, a & 0xFFFF, b >> 16, b & 0xFFFF
    middle = a1 * b0 + (a0 * b0 >> 16)
    return a1 * b1 + (middle >> 16) + (a0 * b1 + (middle & 0xFFFF) >> 16), a * b


def float32(value: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns the nearest float32 of uint32 numbers / 2**31 above 0: m and e of m * 2**(e - 23), m uint32."""
    zeros = jax.lax.clz(value)
    mantissa = value << zeros
    return (mantissa >> 8) + (mantissa >> 7 & 1), -zeros.astype(jnp.int32)
