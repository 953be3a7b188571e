"""ResNets with activation after the sum: those of CIFAR and those of ImageNet.

Sources: He et al. 2016 (Deep residual learning, sections 4.1 and 4.2); fb.resnet.torch, whose bottleneck has its stride
in the 3x3 convolution; Goyal et al. 2017 (section 5.1) for normalisation that starts at 0; Zhang, Dauphin, Ma 2019
(Fixup) for networks without normalisation.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax

from sbn.config.errors import unknown
from sbn.config.model_keys import IMAGENET_DEPTHS, STEPS, blocks_a_stage
from sbn.models.network import Network, Tap, no_tap
from sbn.nn.layers import Layers, pool
from sbn.nn.residual import subsample_and_pad

Array = jax.Array

SHORTCUTS = ("pad", "conv")
EXPANSION = 4
OUTPUT_STRIDES = (32, 16, 8)


class ResidualBlock(nn.Module):
    """conv-norm-relu, ..., conv-norm, plus a shortcut, and a relu after the sum.

    Attributes:
        channels: C of the 3x3 convolutions; of a bottleneck's output four times as many.
        stride: of the first 3x3 convolution and the shortcut.
        bottleneck: 1x1, 3x3 and 1x1 instead of two 3x3 convolutions.
        shortcut: what it does where the shape changes: `'pad'` (option A) or `'conv'` (1x1 with normalisation, B).
        zero_last_scale: the last normalisation starts with scale 0, the block as its shortcut.
        layers: makes the layers.
        dilation: of the 3x3 convolutions: how far apart the pixels lie that they see.
    """

    channels: int
    stride: int
    bottleneck: bool
    shortcut: str
    zero_last_scale: bool
    layers: Layers
    dilation: int = 1

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """(N, H, W, C) -> (N, ceil(H / stride), ceil(W / stride), channels or 4 * channels)."""
        layers, c, s = self.layers, self.channels, self.stride
        # size, stride and channels of each convolution
        plan = [(1, 1, c), (3, s, c), (1, 1, EXPANSION * c)] if self.bottleneck else [(3, s, c), (3, 1, c)]
        changes = s != 1 or x.shape[-1] != plan[-1][-1]
        inner = shifted = layers.shift(x, "shift1")
        for number, ((size, stride, channels), gain) in enumerate(zip(plan, layers.gains(len(plan)), strict=True), 1):
            last = number == len(plan)
            if number > 1:
                inner = layers.shift(nn.relu(inner), f"shift{number}")
            dilation = self.dilation if size > 1 else 1
            inner = layers.conv(
                inner, channels, f"conv{number}", size=size, stride=stride, gain=gain, dilation=dilation
            )
            inner = layers.multiply(inner, "multiplier") if last else inner
            inner = layers.normalise(inner, f"norm{number}", train=train, from_zero=last and self.zero_last_scale)
        if changes and self.shortcut == "pad":
            x = subsample_and_pad(shifted, inner.shape[-1], stride=s)
        elif changes:
            x = layers.conv(shifted, inner.shape[-1], "shortcut", size=1, stride=s)
            x = x if layers.norm is None else layers.normalise(x, "shortcut_norm", train=train)
        return nn.relu(x + inner)


class CifarResNet(Network):
    """ResNet-depth for CIFAR: 3x3 stem, three stages of two-convolution blocks, average pool, dense.

    Attributes:
        depth: 6n + 2, for n blocks a stage: 20, 32, 44, 56, 110.
        width: channels of the stem and the first stage; every further stage has twice as many.
        shortcut: where channels change: `'pad'` (every other pixel and zero channels, option A) or `'conv'` (1x1, B).
        zero_last_scale: blocks start as their shortcuts; means nothing without normalisation, where they do anyway.
    """

    depth: int = 32
    width: int = 16
    shortcut: str = "pad"
    zero_last_scale: bool = False

    @nn.compact
    def __call__(self, x: Array, *, train: bool, tap: Tap = no_tap) -> Array:
        """Logits, (N, classes) float32.

        Args:
            x: (N, H, W, 3) float, normalised images of any size.
            train: batch statistics or running statistics.
            tap: is given `input`, `stage1` to `stage3`, and `features` (N, 4 * width).

        Raises:
            ValueError: impossible depth, unknown `norm`, `shortcut` or `initialiser`.
        """
        if self.shortcut not in SHORTCUTS:
            raise unknown("shortcut", self.shortcut, SHORTCUTS)
        stages = [blocks_a_stage(self.depth, **STEPS["cifar_resnet"])] * 3
        layers = self.make_layers(x, blocks=sum(stages))
        x = layers.conv(tap("input", x).astype(self.dtype), self.width, "stem")
        x = nn.relu(layers.normalise(x, "stem_norm", train=train))
        return _body(self, layers, x, stages, bottleneck=False, shortcut=self.shortcut, train=train, tap=tap)


class ImageNetResNet(Network):
    """ResNet-depth for ImageNet: 7x7 stem, max-pool, four stages of blocks, average pool, dense.

    Sides of 32 pixels and more are possible. The TPU code's max-pool pads one zero less before than after; this one
    pads as PyTorch's.

    Attributes:
        depth: one of `IMAGENET_DEPTHS`; from 50 on, and 14, blocks are bottlenecks.
        width: channels of the stem and of the first stage's 3x3 convolutions; every further stage has twice as many.
        zero_last_scale: blocks start as their shortcuts; means nothing without normalisation, where they do anyway.
        output_stride: pixels of the image to one of the last stage's map: 32; at 16 and 8 the last stage or two do not
            make maps smaller but look further apart, with the same variables (Yu & Koltun 2016; Chen et al. 2018).
    """

    depth: int = 50
    width: int = 64
    zero_last_scale: bool = False
    output_stride: int = 32

    @nn.compact
    def __call__(self, x: Array, *, train: bool, tap: Tap = no_tap) -> Array:
        """Logits, (N, classes) float32; of no classes what the last stage gives, (N, H, W, C).

        Args:
            x: (N, H, W, 3) float, normalised images of any size.
            train: batch statistics or running statistics.
            tap: is given `input`, `stage1` to `stage4`, and `features` (N, 8 * width, or 32 * width).

        Raises:
            ValueError: unknown depth, `norm` or `initialiser`.
        """
        if self.depth not in IMAGENET_DEPTHS:
            raise unknown("depth", self.depth, IMAGENET_DEPTHS)
        if self.output_stride not in OUTPUT_STRIDES:
            raise unknown("output stride", self.output_stride, OUTPUT_STRIDES)
        stages, bottleneck = IMAGENET_DEPTHS[self.depth]
        layers = self.make_layers(x, blocks=sum(stages))
        x = layers.conv(tap("input", x).astype(self.dtype), self.width, "stem", size=7, stride=2)
        x = nn.relu(layers.normalise(x, "stem_norm", train=train))
        x = nn.max_pool(x, (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))
        return _body(self, layers, x, stages, bottleneck=bottleneck, shortcut="conv", train=train, tap=tap)


def _body(
    network: CifarResNet | ImageNetResNet,
    layers: Layers,
    x: Array,
    stages: Sequence[int],
    *,
    bottleneck: bool,
    shortcut: str,
    train: bool,
    tap: Tap,
) -> Array:
    """What follows the stem: stages of so many blocks, average pool, dense; of no classes the stages alone."""
    so_far, dilation, least = 4, 1, getattr(network, "output_stride", 2**30)
    for stage, blocks in enumerate(stages, start=1):
        halves = stage > 1 and 2 * so_far <= least
        so_far, dilation = so_far * (1 + halves), dilation * (1 + (stage > 1 and not halves))
        for block in range(1, blocks + 1):
            made = ResidualBlock(
                channels=network.width * 2 ** (stage - 1),
                stride=2 if halves and block == 1 else 1,
                bottleneck=bottleneck,
                shortcut=shortcut,
                zero_last_scale=network.zero_last_scale,
                layers=layers,
                dilation=dilation,
                name=f"stage{stage}_block{block}",
            )
            x = network.through(made, x, train=train)
        x = tap(f"stage{stage}", x)
    return layers.head(tap("features", pool(x)), network.classes) if network.classes else x
