"""Gaussian noise on packed words."""

import jax
import jax.numpy as jnp
import numpy as np

from sbn.augment import draws, ops
from sbn.augment.device.packing import merge, split
from sbn.augment.device.words import JAX


def apply_gaussian(op: ops.Gaussian, bits: jax.Array, pixels: jax.Array) -> jax.Array:
    """Adds normal noise and rounds back to uint8 (half to even).

    Unlike the other ops this one is no integer arithmetic: compilers' log, sine and cosine differ in their last bits,
    so that of values near the middle between two levels, a few in a million of all, some fall to the other side.

    Args:
        op: sigma and its kind.
        bits: (N, draws) uint32: the radii's draws, the angles' draws, then sigma's.
        pixels: (N, P) int32 packed words.

    Returns:
        (N, P) int32. Fillers keep their mark: they stay the data set's mean, without noise.
    """
    count, area = pixels.shape
    pairs = (3 * area + 1) // 2
    first, second = draws.normal_pair(bits[:, :pairs], bits[:, pairs : 2 * pairs], JAX)
    noise = jnp.concatenate([first, second], axis=1)[:, : 3 * area].reshape(count, 3, area)
    sigma = jnp.full((1, 1, 1), np.float32(255.0 * op.sigma))
    if op.kind == "uniform":
        sigma *= draws.unit(bits[:, 2 * pairs :], JAX)[:, :, None]
    noisy = split(pixels).astype(jnp.float32) + sigma * noise
    return merge(jnp.round(jnp.clip(noisy, 0.0, 255.0)).astype(jnp.int32), pixels)
