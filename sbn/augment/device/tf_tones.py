"""The tone ops where the TensorFlow code released for TPUs computes otherwise than Pillow.

`sbn.augment.host.tf_tones` names its quirks. Its float32 is here made of tables, whose sums there is one way to round,
and of integers.
"""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np

from sbn.augment.device import tones
from sbn.augment.tone_tables import VALUES

_WEIGHTS = (0.2989, 0.5870, 0.1140)
_FRACTION_BITS = 27  # 1 / 13 in float32 is a multiple of 2**-27


def luma(planes: jax.Array) -> jax.Array:
    """`tf.image.rgb_to_grayscale` of bytes: (N, 3, P) -> (N, P)."""
    unit = VALUES.astype(np.float32) * np.float32(1 / 255)
    red, green, blue = (
        jnp.asarray(np.float32(weight) * unit)[planes[:, channel]] for channel, weight in enumerate(_WEIGHTS)
    )
    return ((red + green + blue) * np.float32(255.5)).astype(jnp.int32)


def mean_luma(planes: jax.Array) -> jax.Array:
    """The grey level that Contrast fades to: (N, 3, P) -> (N, 1), whatever the image."""
    return jnp.full((len(planes), 1), min(planes.shape[-1] // 256, 255), jnp.int32)


def smooth(planes: jax.Array, *, image_size: tuple[int, int]) -> jax.Array:
    """What Sharpness starts from: [1 1 1; 1 5 1; 1 1 1] / 13 truncated, the one-pixel border kept.

    The nine products are added up row by row in float32, each with a single rounding, as the host path explains.
    """
    height, width = image_size
    if height < 3 or width < 3:
        return planes
    grid = planes.reshape(-1, 3, height, width)
    total = (jnp.zeros_like(grid[..., 2:, 2:]), jnp.zeros_like(grid[..., 2:, 2:], jnp.uint32))
    for row, column in itertools.product(range(3), repeat=2):
        value = grid[..., row : row + height - 2, column : column + width - 2].astype(jnp.uint32)
        total = _added(*total, *_product(value, 5 if row == column == 1 else 1))
    return tones.inside_border(total[0], grid).reshape(planes.shape)


def _product(value: jax.Array, weight: int) -> tuple[jax.Array, jax.Array]:
    """A byte times float32(weight / 13), exact: whole part int32, and fraction uint32 in units of 2**-27."""
    mantissa, exponent = np.frexp(np.float32(weight) / np.float32(13))
    bits = 24 - int(exponent)  # behind the point of the product
    product = value * np.uint32(mantissa * 2**24)
    fraction = product & np.uint32((1 << bits) - 1)
    return (product >> bits).astype(jnp.int32), fraction << (_FRACTION_BITS - bits)


def _added(
    whole: jax.Array, fraction: jax.Array, more_whole: jax.Array, more_fraction: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The sum of two numbers below 256, rounded to float32's 24 bits, half to even."""
    fraction = fraction + more_fraction
    whole = whole + more_whole + (fraction >> _FRACTION_BITS).astype(jnp.int32)
    fraction &= (1 << _FRACTION_BITS) - 1
    long = 32 + _FRACTION_BITS - 24 - jax.lax.clz(whole)
    short = jnp.maximum(32 - 24 - jax.lax.clz(fraction).astype(jnp.int32), 0)
    spare = jnp.where(whole > 0, long, short).astype(jnp.uint32)
    half = jnp.where(spare > 0, (jnp.uint32(1) << spare >> 1) - 1 + (fraction >> spare & 1), 0)
    fraction = fraction + half >> spare << spare
    return whole + (fraction >> _FRACTION_BITS).astype(jnp.int32), fraction & (1 << _FRACTION_BITS) - 1


autocontrast = functools.partial(tones.autocontrast, dtype="float32")

RULES = tones.Rules(luma, mean_luma, smooth, autocontrast)
