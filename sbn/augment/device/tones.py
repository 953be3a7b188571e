"""What RandAugment's tone ops compute of an image: its histogram and extremes as tables of new values, greys, a blur.

Planes are (N, 3, P) int32 with values 0..255; tables (N, 3, 256) int32. Integer arithmetic throughout.
"""

import jax
import jax.numpy as jnp
import numpy as np

from sbn.augment.device.packing import pick
from sbn.augment.device.tables import VALUES, autocontrast_slips


def histograms(planes: jax.Array, wanted: jax.Array) -> jax.Array:
    """Counts the values: (N, 3, 256) int32; all zero for images not wanted ((N,) bool), which costs them nothing."""
    # Scattered sums: 2.7 ms for 256 CIFAR images on one CPU core; sorted values cost 26 ms, one-hot products 121 ms.
    # On a GPU they are integer atomics, exact in any order, and here only of the images that drew the op.
    index = jnp.where(wanted[:, None, None], planes, 256)

    def count(index: jax.Array) -> jax.Array:
        return jnp.zeros(256, jnp.int32).at[index].add(1, mode="drop")

    return jax.vmap(jax.vmap(count))(index)


def equalize_tables(histogram: jax.Array) -> jax.Array:
    """`ImageOps.equalize`: counts -> new values."""
    before = jnp.cumsum(histogram, axis=-1) - histogram
    # The count below the last value that occurs, i.e. all pixels but those of the brightest value.
    all_but_last = jnp.max(jnp.where(histogram > 0, before, 0), axis=-1, keepdims=True)
    step = all_but_last // 255
    table = jnp.minimum((step // 2 + before) // jnp.maximum(step, 1), 255)
    return jnp.where(step > 0, table, VALUES)


def autocontrast_tables(planes: jax.Array) -> jax.Array:
    """`ImageOps.autocontrast` without cutoff: planes -> new values."""
    low, high = planes.min(axis=-1, keepdims=True), planes.max(axis=-1, keepdims=True)
    stretched = jnp.clip(255 * (VALUES - low) // jnp.maximum(high - low, 1), 0, 255)
    row = jnp.where(high > low, high * (high - 1) // 2 + low, 0)[..., 0]
    slips = jnp.asarray(autocontrast_slips())[row][..., VALUES // 8] >> (VALUES % 8).astype(np.uint8) & 1
    return jnp.where(high > low, stretched - slips, VALUES)


def luma(planes: jax.Array) -> jax.Array:
    """Pillow's conversion to mode L: (N, 3, P) -> (N, P)."""
    return (19595 * planes[:, 0] + 38470 * planes[:, 1] + 7471 * planes[:, 2] + 32768) >> 16


def mean_luma(greys: jax.Array) -> jax.Array:
    """The grey level that Contrast fades to: luma (N, P) -> (N, 1), int(mean + 0.5) in exact arithmetic."""
    # 32 bits hold 2 * 255 * area for images up to 2000 x 2000
    area = greys.shape[-1]
    return (2 * greys.sum(axis=-1, keepdims=True) + area) // (2 * area)


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
    border = np.ones((height, width), bool)
    border[1:-1, 1:-1] = False
    padded = jnp.pad(inner, ((0, 0), (0, 0), (1, 1), (1, 1)))
    return jnp.where(border, grid, padded).reshape(planes.shape)


def add(base: jax.Array, rows: jax.Array, planes: jax.Array) -> jax.Array:
    """Returns base + T[v - base + 255], clipped to 0..255 and truncated, as `sbn.augment.device.tables` says.

    Args:
        base: (N, 3, P) int32.
        rows: T, (N, 3, 511) float32.
        planes: the values v, (N, 3, P) int32.
    """
    mixed = base.astype(jnp.float32) + pick(rows, planes - base + 255)
    return jnp.clip(mixed, 0.0, 255.0).astype(jnp.int32)
