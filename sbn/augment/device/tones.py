"""The policies' ops on channel values: those on values alone, those by histogram and extremes, greys, a blur, blends.

Planes are (N, 3, P) int32 with values 0..255; tables (N, 3, 256) int32. Integer arithmetic but for what is exact.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sbn.augment.device import one_hot
from sbn.augment.device.arrays import apart, by_platform, pick
from sbn.augment.tone_tables import VALUES, ToneNumbers, autocontrast_slips


def histograms(planes: jax.Array, wanted: jax.Array) -> jax.Array:
    """Counts the values: (N, 3, 256) int32; of images not wanted ((N,) bool) whatever costs least."""
    return by_platform(_scattered, lambda planes, wanted: one_hot.histograms(planes))(planes, wanted)


def _scattered(planes: jax.Array, wanted: jax.Array) -> jax.Array:
    # Scattered sums: 2.7 ms for 256 CIFAR images on one CPU core; sorted values cost 26 ms, one-hot products 121 ms.
    # On a GPU they are integer atomics, exact in any order, and here only of the images that drew the op.
    count = len(planes) * 3 * 256
    first = np.arange(0, count, 256, dtype=np.int32).reshape(-1, 3, 1)
    index = jnp.where(wanted[:, None, None], first + planes, count)
    return jnp.zeros(count, jnp.int32).at[index].add(1, mode="drop").reshape(-1, 3, 256)


def equalize_tables(histogram: jax.Array) -> jax.Array:
    """`ImageOps.equalize`: counts -> new values."""
    before = jnp.cumsum(histogram, axis=-1) - histogram
    # The count below the last value that occurs, i.e. all pixels but those of the brightest value.
    all_but_last = jnp.max(jnp.where(histogram > 0, before, 0), axis=-1, keepdims=True)
    step = all_but_last // 255
    table = jnp.minimum((step // 2 + before) // jnp.maximum(step, 1), 255)
    return jnp.where(step > 0, table, VALUES)


def equalize(planes: jax.Array, wanted: jax.Array) -> jax.Array:
    """`ImageOps.equalize` of the images that want it, (N,) bool; of others what costs least."""

    def change(planes: jax.Array) -> jax.Array:
        return by_platform(pick, one_hot.look_up)(equalize_tables(histograms(planes, wanted)), planes)

    return apart(change, planes, wanted)


def autocontrast(planes: jax.Array, *, dtype: str = "float64") -> jax.Array:
    """`ImageOps.autocontrast` without cutoff; `dtype` is that of the arithmetic to equal."""
    low, high = planes.min(axis=-1, keepdims=True), planes.max(axis=-1, keepdims=True)
    # floor(255 * (v - low) / (high - low)): the half keeps quotients 2**-9 off whole numbers, so that whatever a
    # division's last bits are, they change nothing
    share = np.float32(1) / jnp.maximum(high - low, 1).astype(jnp.float32)
    exact = ((255 * (planes - low)).astype(jnp.float32) + np.float32(0.5)) * share
    row = jnp.where(high > low, high * (high - 1) // 2 + low, 0)[..., 0]
    slips = jnp.asarray(autocontrast_slips(dtype))[row]
    word = functools.reduce(
        jnp.bitwise_or, (jnp.where(planes >> 5 == k, slips[..., k, None], jnp.uint32(0)) for k in range(8))
    )
    slip = (word >> (planes & 31).astype(jnp.uint32)).astype(jnp.int32) & 1
    return jnp.where(high > low, exact.astype(jnp.int32) - slip, planes)


def luma(planes: jax.Array) -> jax.Array:
    """Pillow's conversion to mode L: (N, 3, P) -> (N, P)."""
    return (19595 * planes[:, 0] + 38470 * planes[:, 1] + 7471 * planes[:, 2] + 32768) >> 16


def mean_luma(planes: jax.Array) -> jax.Array:
    """The grey level that Contrast fades to: (N, 3, P) -> (N, 1), int(mean + 0.5) in exact arithmetic."""
    # 32 bits hold 2 * 255 * area for images up to 2000 x 2000
    area = planes.shape[-1]
    return (2 * luma(planes).sum(axis=-1, keepdims=True) + area) // (2 * area)


def smooth(planes: jax.Array, *, image_size: tuple[int, int]) -> jax.Array:
    """`ImageFilter.SMOOTH`, which Sharpness starts from: [1 1 1; 1 5 1; 1 1 1] / 13, the one-pixel border kept."""
    height, width = image_size
    if height < 3 or width < 3:
        return planes
    grid = planes.reshape(-1, 3, height, width)
    column_sums = grid[..., :-2, :] + grid[..., 1:-1, :] + grid[..., 2:, :]
    box = column_sums[..., :-2] + column_sums[..., 1:-1] + column_sums[..., 2:]
    total = box + 4 * grid[..., 1:-1, 1:-1]
    # floor(total / 13 + 1/2) = (2 * total + 13) // 26; the product is exact for all totals up to 13 * 255
    inner = ((2 * total + 13) * 20165) >> 19
    return inside_border(inner, grid).reshape(planes.shape)


def inside_border(inner: jax.Array, grid: jax.Array) -> jax.Array:
    """Returns `grid` (N, 3, H, W) with all but its border from `inner` (N, 3, H - 2, W - 2)."""
    border = np.ones(grid.shape[2:], bool)
    border[1:-1, 1:-1] = False
    return jnp.where(border, grid, jnp.pad(inner, ((0, 0), (0, 0), (1, 1), (1, 1))))


def on_values(numbers: ToneNumbers, planes: jax.Array) -> jax.Array:
    """Posterize, Invert, Solarize and SolarizeAdd: (N, 3, P) by the numbers (N,) of every image."""
    keep, invert, threshold, addition = (part[:, None, None] for part in numbers[:4])
    values = planes & keep ^ invert
    values = jnp.where(values >= threshold, 255 - values, values)
    return jnp.where(values < 128, jnp.minimum(values + addition, 255), values)


def blend(base: jax.Array, numbers: ToneNumbers, planes: jax.Array) -> jax.Array:
    """Pillow's `Image.blend`: base + factor * (v - base) in float32, clipped to 0..255 and truncated.

    The product is rounded to float32 in integers: a compiler would fuse a float product with the sum that follows,
    and round once where Pillow rounds twice.

    Args:
        base: (N or 1, 3 or 1, P or 1) int32.
        numbers: the factors' mantissas and exponents, (N,).
        planes: the values v, (N, 3, P) int32.
    """
    distance = planes - base
    product = numbers.mantissa[:, None, None] * jnp.abs(distance).astype(jnp.uint32)
    # rounded to 24 bits, half to even
    spare = jnp.maximum(8 - jax.lax.clz(product).astype(jnp.int32), 0).astype(jnp.uint32)
    half = jnp.where(spare > 0, (jnp.uint32(1) << spare >> 1) - 1 + (product >> spare & 1), 0)
    rounded = product + half >> spare << spare
    # float32 of `rounded` and the product with a power of two are exact
    power = jax.lax.bitcast_convert_type((numbers.exponent - 23 + 127) << 23, jnp.float32)[:, None, None]
    signed = jnp.where(distance < 0, -power, power) * rounded.astype(jnp.float32)
    return jnp.clip(base.astype(jnp.float32) + signed, 0.0, 255.0).astype(jnp.int32)


class Rules(NamedTuple):
    """What differs between Pillow's ops and those of AutoAugment's TensorFlow code; `PILLOW` documents each."""

    luma: Callable[[jax.Array], jax.Array]
    mean_luma: Callable[[jax.Array], jax.Array]
    smooth: Callable[..., jax.Array]
    autocontrast: Callable[[jax.Array], jax.Array]


PILLOW = Rules(luma, mean_luma, smooth, autocontrast)
