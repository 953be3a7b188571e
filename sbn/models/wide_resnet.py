"""Wide ResNet as AutoAugment's TensorFlow code has it, with the original 1x1-conv shortcut as an option.

Sources: Zagoruyko and Komodakis 2016; tensorflow/models `research/autoaugment/wrn.py`; for networks without
normalisation Zhang, Dauphin, Ma 2019 (Fixup, section 3).
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from sbn.config.errors import unknown
from sbn.nn.norms import NormLayer, make_norm
from sbn.nn.residual import conv_init, head_init, pool_and_pad
from sbn.nn.taps import Tap, no_tap

Array = jax.Array

SHORTCUTS = ("pool_pad", "conv")
STRIDES = (1, 2, 2)
STEM_CHANNELS = 16


class WideBlock(nn.Module):
    """norm-relu-conv-norm-relu-dropout-conv plus a shortcut, with nothing after the sum.

    Attributes:
        channels: C of the output.
        stride: of the first convolution and the shortcut.
        activate_split: the shortcut starts after the first norm-relu instead of before it.
        shortcut: what it does where channels change: `'pool_pad'` or `'conv'` (1x1).
        norm_layer: makes a normalisation layer; None for no normalisation.
        gains: factors on the initial kernels of the two convolutions.
        dropout: rate before the second convolution.
        dtype: of the convolutions.
    """

    channels: int
    stride: int
    activate_split: bool
    shortcut: str
    norm_layer: NormLayer | None
    gains: tuple[float, float]
    dropout: float
    dtype: Any

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """(N, K, H, W, C) -> (N, K, ceil(H / stride), ceil(W / stride), channels)."""
        changes = x.shape[-1] != self.channels
        inner = nn.relu(_normalise(x, self.norm_layer, "norm1", train=train))
        outer = inner if self.activate_split else x
        inner = _conv(self.channels, "conv1", dtype=self.dtype, stride=self.stride, gain=self.gains[0])(inner)
        inner = nn.relu(_normalise(inner, self.norm_layer, "norm2", train=train))
        if self.dropout:
            inner = nn.Dropout(self.dropout, name="dropout")(inner, deterministic=not train)
        inner = _conv(self.channels, "conv2", dtype=self.dtype, gain=self.gains[1])(inner)
        if changes and self.shortcut == "conv":
            outer = _conv(self.channels, "shortcut", dtype=self.dtype, stride=self.stride, size=1)(outer)
        else:
            outer = pool_and_pad(outer, self.channels, stride=self.stride)
        return outer + inner


class WideResNet(nn.Module):
    """WRN-depth-width on (N, K, H, W, 3): stem, three groups of blocks, norm-relu, average pool, dense.

    Every convolution is SAME, has no bias and starts from He's fan-out normal; the dense kernel starts
    uniform in ±1/sqrt(classes). Parameters are float32. With `capture_intermediates=True` flax returns every
    named part (`stem`, `group1_block1`, ..., `final_norm`, `head`).

    Attributes:
        depth: 6n + 4, for n blocks a group.
        width: k, the factor on the channels 16, 32, 64.
        classes: number of logits.
        branches: K.
        norm: `'split'`, `'split_stats'` or `'none'` (see `nn.norms`). Without normalisation every block adds
            nothing at first, by Fixup's rule: second convolution 0, first times blocks^(-1/2), dense 0.
        dropout: rate between the two convolutions of a block (rng stream `dropout`).
        shortcut: where channels change: `'pool_pad'` (TensorFlow code: no parameters; the first block of all
            branches off after its norm-relu, the others before) or `'conv'` (1x1, as in the original and in
            AugMix's code: the blocks that change channels branch off after their norm-relu).
        group_skips: the TensorFlow code's additional shortcuts around every group and around all three.
        momentum: of the running statistics.
        epsilon: added to variances.
        group_size: examples a statistics group, None for the whole batch.
        unbiased: rule of the running variance.
        dtype: of convolutions and activations (float32, bfloat16).
        norm_layer: makes the normalisation layers instead of `norm`, for comparisons.
    """

    depth: int
    width: int
    classes: int
    branches: int
    norm: str
    dropout: float = 0.0
    shortcut: str = "pool_pad"
    group_skips: bool = False
    momentum: float = 0.9
    epsilon: float = 1e-5
    group_size: int | None = None
    unbiased: bool = True
    dtype: Any = jnp.float32
    norm_layer: NormLayer | None = None

    # Where Manifold Mixup may mix: the places of its released code
    mixing_points = ("input", "group1", "group2")

    @nn.compact
    def __call__(self, x: Array, *, train: bool, tap: Tap = no_tap) -> Array:
        """Logits of every branch.

        Args:
            x: (N, K, H, W, 3) float, normalised images of any size.
            train: batch statistics and dropout, or running statistics and none.
            tap: is given `input`, `group1` to `group3` (their sums, before the next normalisation), and `features`,
                the pooled activations (N, K, 64 * width) float32.

        Returns:
            (N, K, classes) float32.

        Raises:
            ValueError: impossible depth, unknown `norm` or `shortcut`, K other than `branches`.
        """
        if self.shortcut not in SHORTCUTS:
            raise unknown("shortcut", self.shortcut, SHORTCUTS)
        if x.ndim != 5 or x.shape[1] != self.branches:
            raise ValueError(
                f"images of shape {x.shape}, but a model of {self.branches} branches takes "
                f"(N, {self.branches}, H, W, 3)"
            )
        blocks = blocks_a_group(self.depth)
        norm_layer = self.norm_layer or make_norm(
            self.norm,
            branches=self.branches,
            momentum=self.momentum,
            epsilon=self.epsilon,
            group_size=self.group_size,
            unbiased=self.unbiased,
            dtype=self.dtype,
        )
        gains = (1.0, 1.0) if norm_layer else ((3 * blocks) ** -0.5, 0.0)

        x = tap("input", x).astype(self.dtype)
        x = stem = _conv(STEM_CHANNELS, "stem", dtype=self.dtype)(x)
        for group, stride in enumerate(STRIDES, start=1):
            channels = STEM_CHANNELS * self.width * 2 ** (group - 1)
            entered = x
            for block in range(1, blocks + 1):
                first = group == block == 1
                changes = x.shape[-1] != channels
                x = WideBlock(
                    channels=channels,
                    stride=stride if block == 1 else 1,
                    activate_split=changes if self.shortcut == "conv" else first,
                    shortcut=self.shortcut,
                    norm_layer=norm_layer,
                    gains=gains,
                    dropout=self.dropout,
                    dtype=self.dtype,
                    name=f"group{group}_block{block}",
                )(x, train=train)
            if self.group_skips:
                x = x + pool_and_pad(entered, channels, stride=stride)
            if self.group_skips and group == len(STRIDES):
                x = x + pool_and_pad(stem, x.shape[-1], stride=4)
            x = tap(f"group{group}", x)
        x = nn.relu(_normalise(x, norm_layer, "final_norm", train=train))
        features = tap("features", x.mean((2, 3), dtype=jnp.float32))
        kernel_init = head_init if norm_layer else nn.initializers.zeros
        return nn.Dense(self.classes, dtype=jnp.float32, kernel_init=kernel_init, name="head")(features)


def blocks_a_group(depth: int) -> int:
    """n of depth = 6n + 4.

    Raises:
        ValueError: no n gives this depth.
    """
    blocks, rest = divmod(depth - 4, 6)
    if rest or blocks < 1:
        near = 6 * max(1, round((depth - 4) / 6)) + 4
        raise ValueError(f"depth {depth} is not 6n + 4 (10, 16, 22, 28, 40, ...); the nearest is {near}")
    return blocks


def _conv(channels: int, name: str, *, dtype: Any, size: int = 3, stride: int = 1, gain: float = 1.0) -> nn.Conv:
    return nn.Conv(
        channels,
        (size, size),
        strides=stride,
        use_bias=False,
        dtype=dtype,
        kernel_init=conv_init(gain),
        name=name,
    )


def _normalise(x: Array, layer: NormLayer | None, name: str, *, train: bool) -> Array:
    return x if layer is None else layer(name=name)(x, train=train)
