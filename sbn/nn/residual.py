"""Residual blocks: the pre-activation block of PreActResNets and Wide ResNets, and shortcuts without parameters.

Sources: He et al. 2016 (Identity mappings); Zagoruyko and Komodakis 2016; AutoAugment's TensorFlow code
(`research/autoaugment/wrn.py`, `custom_ops.py`), for `pool_and_pad` above all.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from sbn.nn.layers import Layers

Array = jax.Array

CONVOLUTIONS = 2


class PreActBlock(nn.Module):
    """norm-relu-conv-norm-relu-dropout-conv plus a shortcut, with nothing after the sum.

    Attributes:
        channels: C of the output.
        stride: of the first convolution and the shortcut.
        activate_split: the shortcut starts after the first norm-relu instead of before it.
        shortcut: what it does where channels change: `'pool_pad'` or `'conv'` (1x1).
        layers: makes the layers.
        dropout: rate before the second convolution (rng stream `dropout`).
    """

    channels: int
    stride: int
    activate_split: bool
    shortcut: str
    layers: Layers
    dropout: float = 0.0

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """(N, H, W, C) -> (N, ceil(H / stride), ceil(W / stride), channels)."""
        layers, changes = self.layers, x.shape[-1] != self.channels
        first, second = layers.gains(CONVOLUTIONS)
        inner = layers.shift(nn.relu(layers.normalise(x, "norm1", train=train)), "shift1")
        outer = inner if self.activate_split else x
        inner = layers.conv(inner, self.channels, "conv1", stride=self.stride, gain=first)
        inner = nn.relu(layers.normalise(inner, "norm2", train=train))
        if self.dropout:
            inner = nn.Dropout(self.dropout, name="dropout")(inner, deterministic=not train)
        inner = layers.conv(layers.shift(inner, "shift2"), self.channels, "conv2", gain=second)
        if changes and self.shortcut == "conv":
            outer = layers.conv(outer, self.channels, "shortcut", size=1, stride=self.stride)
        else:
            outer = pool_and_pad(outer, self.channels, stride=self.stride)
        return outer + layers.multiply(inner, "multiplier")


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
