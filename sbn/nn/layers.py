"""The layers of one network, made in one place, so that blocks say what they are made of and nothing else."""

import dataclasses
import math
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from sbn.nn import fixup, initialisers
from sbn.nn.initialisers import Initialisation
from sbn.nn.norms import NormLayer

Array = jax.Array


@dataclasses.dataclass(frozen=True)
class Layers:
    """Makes layers, with normalisation or, where there is none, with Fixup's scalars and initial weights.

    Its methods are called inside a module's `__call__`, whose submodules the layers become.

    Attributes:
        norm: applies a normalisation layer; None for Fixup.
        start: initial weights.
        blocks: residual blocks of the whole network, for Fixup's rule.
        dtype: of convolutions and activations.
        symmetric: convolutions pad as PyTorch's do, (size - 1) / 2 zeros on every side; otherwise TensorFlow's SAME,
            which pads one zero less before than after where the stride is 2.
    """

    norm: NormLayer | None
    start: Initialisation
    blocks: int
    dtype: Any = jnp.float32
    symmetric: bool = True

    def gains(self, convolutions: int) -> tuple[float, ...]:
        """Factors on the initial kernels of a residual branch's convolutions, in their order."""
        return fixup.gains(self.blocks, convolutions) if self.norm is None else (1.0,) * convolutions

    def conv(
        self,
        x: Array,
        channels: int,
        name: str,
        *,
        size: int = 3,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        gain: float = 1.0,
    ) -> Array:
        """Convolution without bias: (N, H, W, C) -> (N, ceil(H / stride), ceil(W / stride), channels).

        Args:
            x: what goes in.
            channels: of the result.
            name: of the layer.
            size: of the window, in pixels that are seen; even ones see fewer places than there are pixels.
            stride: step of the window.
            dilation: pixels from one that is seen to the next.
            groups: of channels that see nothing of one another.
            gain: factor on the initial kernel.
        """
        return nn.Conv(
            channels,
            (size, size),
            strides=stride,
            padding=dilation * (size - 1) // 2 if self.symmetric else "SAME",
            kernel_dilation=dilation,
            feature_group_count=groups,
            use_bias=False,
            dtype=self.dtype,
            kernel_init=initialisers.times(self.start.conv, gain),
            name=name,
        )(x)

    def normalise(self, x: Array, name: str, *, train: bool, from_zero: bool = False) -> Array:
        """Normalisation, with scales that start at 0 if `from_zero`; without it one shift of that name."""
        if self.norm is None:
            return fixup.Shift(name=name)(x)
        more = {"scale_init": nn.initializers.zeros} if from_zero else {}
        return self.norm(x, train=train, name=name, **more)

    def shift(self, x: Array, name: str) -> Array:
        """A further shift of Fixup's; with normalisation nothing."""
        return fixup.Shift(name=name)(x) if self.norm is None else x

    def multiply(self, x: Array, name: str) -> Array:
        """Fixup's multiplier at the end of a residual branch; with normalisation nothing."""
        return fixup.Multiplier(name=name)(x) if self.norm is None else x

    def head(self, features: Array, classes: int) -> Array:
        """Logits (N, classes) float32 of pooled features (N, C): a dense layer, which is 0 at first in Fixup."""
        zeros, bound = nn.initializers.zeros, 1 / math.sqrt(features.shape[-1])
        plain = self.norm is not None
        return nn.Dense(
            classes,
            dtype=jnp.float32,
            kernel_init=self.start.head if plain else zeros,
            bias_init=initialisers.uniform(bound) if plain and self.start.random_bias else zeros,
            name="head",
        )(self.shift(features, "head_shift"))


def pool(x: Array) -> Array:
    """Means over all pixels: (N, H, W, C) -> (N, C) float32."""
    return x.mean((1, 2), dtype=jnp.float32)
