"""Gaussian noise on packed words, everywhere or in a patch.

Unlike the other ops this is no integer arithmetic: compilers' log, sine and cosine differ in their last bits, so that
of values near the middle between two levels, a few in a million of all, some fall to the other side.
"""

import jax
import jax.numpy as jnp
import numpy as np

from sbn.augment import draws, ops
from sbn.augment.crops import square
from sbn.augment.device.arrays import JAX, below, merge, split


def apply_gaussian(op: ops.Gaussian, bits: jax.Array, pixels: jax.Array, image_size: tuple[int, int]) -> jax.Array:
    """Adds normal noise and rounds back to uint8 (half to even).

    Args:
        op: sigma and its kind.
        bits: (N, draws) uint32: the radii's draws, the angles' draws, then sigma's.
        pixels: (N, H * W) int32 packed words.
        image_size: (H, W), static.

    Returns:
        (N, H * W) int32. Fillers keep their mark: they stay the data set's mean, without noise.
    """
    noise, after = _noise(bits, image_size)
    sigma = jnp.full((1, 1, 1), np.float32(255.0 * op.sigma))
    if op.kind == "uniform":
        sigma *= draws.unit(bits[:, after:], JAX)[:, :, None]
    return _added(sigma * noise, pixels)


def apply_patch_gaussian(
    op: ops.PatchGaussian, bits: jax.Array, pixels: jax.Array, image_size: tuple[int, int]
) -> jax.Array:
    """Adds normal noise in a square and rounds back to uint8 (half to even).

    Args:
        op: side, sigma, and whether the side is drawn.
        bits: (N, draws) uint32: the radii's draws, the angles' draws, then sigma, centre row, centre column, side.
        pixels: (N, H * W) int32 packed words.
        image_size: (H, W), static.

    Returns:
        (N, H * W) int32. Fillers keep their mark.
    """
    noise, after = _noise(bits, image_size)
    sigma = np.float32(255.0 * op.sigma) * draws.unit(bits[:, after : after + 1], JAX)
    side = below(bits[:, after + 3 :], op.side) + 1 if op.random_side else jnp.full((1, 1), op.side)
    centre = [below(bits[:, after + 1 + axis, None], size) for axis, size in enumerate(image_size)]
    patch = square(centre, side // 2, side - side // 2, image_size=image_size)
    return _added(sigma[:, :, None] * jnp.where(patch.reshape(-1, 1, pixels.shape[1]), noise, 0.0), pixels)


def _noise(bits: jax.Array, image_size: tuple[int, int]) -> tuple[jax.Array, int]:
    """Standard normals (N, 3, P) of the first draws, and how many draws they took."""
    area = image_size[0] * image_size[1]
    pairs = (3 * area + 1) // 2
    first, second = draws.normal_pair(bits[:, :pairs], bits[:, pairs : 2 * pairs], JAX)
    return jnp.concatenate([first, second], axis=1)[:, : 3 * area].reshape(-1, 3, area), 2 * pairs


def _added(noise: jax.Array, words: jax.Array) -> jax.Array:
    noisy = split(words).astype(jnp.float32) + noise
    return merge(jnp.round(jnp.clip(noisy, 0.0, 255.0)).astype(jnp.int32), words)
