"""Parameter-free shortcuts of a residual block.

Sources: AutoAugment's TensorFlow code (`research/autoaugment/wrn.py`, `custom_ops.py`) for `pool_and_pad`.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

Array = jax.Array


def pool_and_pad(x: Array, channels: int, *, stride: int) -> Array:
    """Average-pools by `stride` and pads channels with zeros, half before and half after.

    Sizes that `stride` does not divide end in a smaller window, averaged over the pixels it really has, so that
    the result is as large as a SAME convolution's. For the others this is TensorFlow's VALID pool.

    Args:
        x: (N, H, W, C) float.
        channels: C of the result, at least C of `x`.
        stride: window and step of the pool in pixels.

    Returns:
        (N, ceil(H / stride), ceil(W / stride), channels).

    Raises:
        ValueError: fewer channels asked for than there are.
    """
    missing = channels - x.shape[-1]
    if missing < 0:
        raise ValueError(f"{channels} channels asked for, fewer than the {x.shape[-1]} of the input")
    if stride > 1:
        # A window that slides. Two-wide axes, which a reshape would give, are padded to whole tiles on TPUs.
        ends = [(0, -side % stride) for side in x.shape[1:3]]
        window = (stride, stride)
        pooled = nn.avg_pool(x.astype(jnp.float32), window, window, ends, count_include_pad=False)
        x = pooled.astype(x.dtype)
    if missing:
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(missing // 2, missing - missing // 2)])
    return x


def subsample_and_pad(x: Array, channels: int, *, stride: int) -> Array:
    """Takes every `stride`-th pixel and appends zero channels: option A of He et al. 2016 (CIFAR).

    Codes differ in whether the zeros come last or half before; the networks are the same up to the order of channels.

    Args:
        x: (..., H, W, C) float.
        channels: C of the result, at least C of `x`.
        stride: in pixels.

    Returns:
        (..., ceil(H / stride), ceil(W / stride), channels).
    """
    x = x[..., ::stride, ::stride, :]
    return jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, channels - x.shape[-1])])
