"""Gaussian blur on packed words in JAX."""

import jax
import jax.numpy as jnp

from sbn.augment import blurring, ops
from sbn.augment.device.packing import merge, split
from sbn.augment.device.words import JAX
from sbn.augment.packing import MARK


def apply_blur(op: ops.Blur, bits: jax.Array, words: jax.Array, image_size: tuple[int, int]) -> jax.Array:
    """Blurs and rounds to whole levels, halves up.

    Args:
        op: kernel.
        bits: (N, 0) uint32: it draws nothing.
        words: (N, H * W) int32 packed.
        image_size: (H, W), static.

    Returns:
        (N, H * W) int32. Fillers stay and are left out of their neighbours' means.
    """
    del bits
    height, width = image_size
    is_image = words & MARK != 0
    mark = is_image.astype(jnp.int32)[:, None]
    grid = jnp.concatenate([split(words) * mark, mark], axis=1).reshape(-1, 4, height, width)
    rows, columns = (blurring.mirrored(size, op.side // 2) for size in image_size)
    grid = grid[:, :, rows][..., columns].astype(jnp.uint32)
    means = blurring.means(op, grid, image_size=image_size, words=JAX)
    return jnp.where(is_image, merge(means.reshape(-1, 3, height * width), words), words)
