"""The pre-activation residual block of PreActResNets and Wide ResNets.

Sources: He et al. 2016 (Identity mappings); Zagoruyko and Komodakis 2016; AutoAugment's TensorFlow code.
"""

import flax.linen as nn
import jax

from sbn.nn.layers import Layers
from sbn.nn.residual import pool_and_pad

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
