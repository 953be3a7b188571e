"""Shake-Shake ResNet.

Source: Gastaldi 2017 (Shake-Shake regularization, section 2.1) and its code; 26 2x96d with noise an image is what Data
Augmentation Revisited (He et al. 2019) trains.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from sbn.config.model_keys import STEPS, blocks_a_stage
from sbn.models.network import Network, Tap, no_tap
from sbn.nn.layers import Layers, pool
from sbn.nn.shake import ShakeShake

Array = jax.Array

STRIDES = (1, 2, 2)
STEM_CHANNELS = 16
CONVOLUTIONS = 2


class ResidualBranch(nn.Module):
    """relu-conv-norm-relu-conv-norm."""

    channels: int
    stride: int
    layers: Layers

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """(N, H, W, C) -> (N, ceil(H / stride), ceil(W / stride), channels)."""
        layers = self.layers
        first, second = layers.gains(CONVOLUTIONS)
        x = layers.shift(nn.relu(x), "shift1")
        x = layers.conv(x, self.channels, "conv1", stride=self.stride, gain=first)
        x = layers.shift(nn.relu(layers.normalise(x, "norm1", train=train)), "shift2")
        x = layers.multiply(layers.conv(x, self.channels, "conv2", gain=second), "multiplier")
        return layers.normalise(x, "norm2", train=train)


class Skip(nn.Module):
    """The shortcut where channels change: two halves of the channels, the second of pixels one further up and left."""

    channels: int
    stride: int
    layers: Layers

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """(N, H, W, C) -> (N, ceil(H / stride), ceil(W / stride), channels)."""
        x = nn.relu(x)
        shifted = jnp.pad(x, [(0, 0), (1, 0), (1, 0), (0, 0)])[:, :-1, :-1]
        halves = [
            self.layers.conv(y, self.channels // 2, name, size=1, stride=self.stride)
            for name, y in (("conv1", x), ("conv2", shifted))
        ]
        return self.layers.normalise(jnp.concatenate(halves, axis=-1), "norm", train=train)


class ShakeShakeBlock(nn.Module):
    """A shortcut plus two residual branches in random shares, with nothing after the sum."""

    channels: int
    stride: int
    layers: Layers

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """(N, H, W, C) -> (N, ceil(H / stride), ceil(W / stride), channels)."""
        fields = {"channels": self.channels, "stride": self.stride, "layers": self.layers}
        first, second = (ResidualBranch(**fields, name=name)(x, train=train) for name in ("branch1", "branch2"))
        outer = x if x.shape[-1] == self.channels else Skip(**fields, name="skip")(x, train=train)
        return outer + ShakeShake(name="shake")(first, second, train=train)


class ShakeShakeNet(Network):
    """Shake-Shake depth 2x(width)d: conv-norm stem, three stages of blocks, relu, average pool, dense.

    Training draws from the rng stream `shake`, an own share for every image.

    Attributes:
        depth: 6n + 2, for n blocks a stage: 26.
        width: channels of the first stage, an even number; every further stage has twice as many.
    """

    depth: int = 26
    width: int = 96

    @nn.compact
    def __call__(self, x: Array, *, train: bool, tap: Tap = no_tap) -> Array:
        """Logits, (N, classes) float32.

        Args:
            x: (N, H, W, 3) float, normalised images of any size.
            train: batch statistics and random shares, or running statistics and halves.
            tap: is given `input`, `stage1` to `stage3`, and `features` (N, 4 * width).

        Raises:
            ValueError: impossible depth, odd width, unknown `norm` or `initialiser`.
        """
        if self.width % 2:
            raise ValueError(f"width {self.width} is odd: a skip has two halves of the channels")
        blocks = blocks_a_stage(self.depth, **STEPS["shake_shake"])
        layers = self.make_layers(x, blocks=len(STRIDES) * blocks)

        x = tap("input", x).astype(self.dtype)
        x = layers.normalise(layers.conv(x, STEM_CHANNELS, "stem"), "stem_norm", train=train)
        for stage, stride in enumerate(STRIDES, start=1):
            for block in range(1, blocks + 1):
                made = ShakeShakeBlock(
                    channels=self.width * 2 ** (stage - 1),
                    stride=stride if block == 1 else 1,
                    layers=layers,
                    name=f"stage{stage}_block{block}",
                )
                x = self.through(made, x, train=train)
            x = tap(f"stage{stage}", x)
        return layers.head(tap("features", pool(nn.relu(x))), self.classes)
