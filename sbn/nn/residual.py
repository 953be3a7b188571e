"""Parameter-free shortcuts of a residual block, and the convolution's initialiser.

Source: AutoAugment's TensorFlow code (`research/autoaugment/wrn.py`, `custom_ops.py`).
"""

import math
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

Array = jax.Array


def pool_and_pad(x: Array, channels: int, *, stride: int) -> Array:
    """Average-pools by `stride` and pads channels with zeros, half before and half after.

    Sizes that `stride` does not divide end in a smaller window, averaged over the pixels it really has, so that
    the result is as large as a SAME convolution's. For the others this is TensorFlow's VALID pool.

    Args:
        x: (..., H, W, C) float.
        channels: C of the result, at least C of `x`.
        stride: window and step of the pool in pixels.

    Returns:
        (..., ceil(H / stride), ceil(W / stride), channels).

    Raises:
        ValueError: fewer channels asked for than there are.
    """
    missing = channels - x.shape[-1]
    if missing < 0:
        raise ValueError(f"{channels} channels asked for, fewer than the {x.shape[-1]} of the input")
    if stride > 1:
        x = _pool(x, stride)
    if missing:
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(missing // 2, missing - missing // 2)])
    return x


def _pool(x: Array, stride: int) -> Array:
    *lead, height, width, channels = x.shape
    ends = [(0, 0)] * len(lead) + [(0, -height % stride), (0, -width % stride), (0, 0)]
    padded = jnp.pad(x, ends)
    rows, columns = (side // stride for side in padded.shape[-3:-1])
    total = padded.reshape(*lead, rows, stride, columns, stride, channels).sum((-4, -2), dtype=jnp.float32)
    filled = np.outer(*(np.minimum(stride, side - np.arange(0, side, stride)) for side in (height, width)))
    return (total / filled[..., None].astype(np.float32)).astype(x.dtype)


def conv_init(gain: float = 1.0) -> nn.initializers.Initializer:
    """He's fan-out normal: std = gain * sqrt(2 / (k^2 * C_out)) for a kernel (k, k, C_in, C_out)."""

    def init(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32, **unused: Any) -> Array:
        fan_out = math.prod(shape[:-2]) * shape[-1]
        return gain * math.sqrt(2 / fan_out) * jax.random.normal(key, shape, dtype)

    return init


def head_init(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32, **unused: Any) -> Array:
    """Uniform in ±1/sqrt(classes) for a dense kernel (features, classes)."""
    bound = 1 / math.sqrt(shape[-1])
    return jax.random.uniform(key, shape, dtype, -bound, bound)
