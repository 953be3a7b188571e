"""The network for small images that P-DARTS found.

Source: Chen et al. 2019 (Progressive Differentiable Architecture Search); genotype, cells and auxiliary head as in its
code (chenxin061/pdarts) and in DARTS's (Liu et al. 2019), which it descends from. Data Augmentation Revisited (He et
al. 2019, section 4.1) trains it on CIFAR-10.
"""

from typing import Final

import flax.linen as nn
import jax
import jax.numpy as jnp

from sbn.config.model_keys import STEPS, blocks_a_stage
from sbn.models.network import Network, Tap, no_tap
from sbn.nn.drop_path import DropPath
from sbn.nn.layers import Layers, pool

Array = jax.Array
# (op, number of the state that it reads): a node is the sum of two. States 0 and 1 are the two cells before, 2 to 5
# the nodes, which a cell gives one after the other as channels.
Node = tuple[tuple[str, int], tuple[str, int]]

NORMAL: Final[tuple[Node, ...]] = (
    (("skip", 0), ("dilated3", 1)),
    (("skip", 0), ("separable3", 1)),
    (("separable3", 1), ("separable3", 3)),
    (("separable3", 0), ("dilated5", 4)),
)
REDUCTION: Final[tuple[Node, ...]] = (
    (("average", 0), ("separable5", 1)),
    (("separable3", 0), ("dilated5", 2)),
    (("largest", 0), ("dilated3", 1)),
    (("dilated3", 1), ("dilated5", 3)),
)
_STEM = 3  # times the cells' first channels
_AUXILIARY = (128, 768)


class Reduction(nn.Module):
    """Half the size: relu, two 1x1 convolutions of every other pixel, the second one further down and right, norm."""

    channels: int
    layers: Layers

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """(N, H, W, C) -> (N, ceil(H / 2), ceil(W / 2), channels)."""
        x = nn.relu(x)
        shifted = jnp.pad(x, [(0, 0), (0, 1), (0, 1), (0, 0)])[:, 1:, 1:]
        halves = [
            self.layers.conv(y, self.channels // 2, name, size=1, stride=2)
            for name, y in (("conv1", x), ("conv2", shifted))
        ]
        return self.layers.normalise(jnp.concatenate(halves, axis=-1), "norm", train=train)


class Convolutions(nn.Module):
    """relu, a depthwise convolution, a 1x1 one, norm; `twice` that, the second time with stride 1."""

    size: int
    stride: int
    dilation: int
    twice: bool
    layers: Layers

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """(N, H, W, C) -> (N, ceil(H / stride), ceil(W / stride), C)."""
        layers, channels, count = self.layers, x.shape[-1], 1 + self.twice
        gains = layers.gains(2 * count)
        for k in range(count):
            stride, number = self.stride if k == 0 else 1, k + 1
            own = {"size": self.size, "stride": stride, "dilation": self.dilation, "groups": channels}
            x = layers.conv(nn.relu(x), channels, f"depthwise{number}", gain=gains[2 * k], **own)
            x = layers.conv(x, channels, f"pointwise{number}", size=1, gain=gains[2 * k + 1])
            x = layers.normalise(x, f"norm{number}", train=train)
        return layers.multiply(x, "multiplier")


class Cell(nn.Module):
    """Four nodes, each the sum of two ops on the two cells before or on other nodes.

    Attributes:
        channels: of a node.
        reduces: half the size; ops on the two cells before have stride 2.
        after_reduction: the cell before did, so that the one before that is twice as large.
        drops: whether paths are dropped in training; a skip of stride 1 never is.
        layers: makes the layers.
    """

    channels: int
    reduces: bool
    after_reduction: bool
    drops: bool
    layers: Layers

    @nn.compact
    def __call__(self, x: tuple[Array, Array, Array | float], *, train: bool) -> Array:
        """Two cells (N, H, W, C), the last one second, and the rate of dropped paths -> (N, H', W', 4 * channels)."""
        before, last, rate = x
        layers = self.layers
        if self.after_reduction:
            first = Reduction(self.channels, layers, name="reduction")(before, train=train)
        else:
            first = self._entrance(before, "0", train=train)
        states = [first, self._entrance(last, "1", train=train)]
        for node in REDUCTION if self.reduces else NORMAL:
            paths = []
            for op, state in node:
                name, stride = f"node{len(states)}_{op}_{state}", 2 if self.reduces and state < 2 else 1
                y = self._path(op, states[state], stride, name, train=train)
                if self.drops and train and (op, stride) != ("skip", 1):
                    y = DropPath(name=f"{name}_drop")(y, rate)
                paths.append(y)
            states.append(paths[0] + paths[1])
        return jnp.concatenate(states[2:], axis=-1)

    def _entrance(self, x: Array, number: str, *, train: bool) -> Array:
        x = self.layers.conv(nn.relu(x), self.channels, f"entrance{number}", size=1)
        return self.layers.normalise(x, f"entrance{number}_norm", train=train)

    def _path(self, op: str, x: Array, stride: int, name: str, *, train: bool) -> Array:
        window = {"window_shape": (3, 3), "strides": (stride, stride), "padding": ((1, 1), (1, 1))}
        if op == "average":
            return nn.avg_pool(x, **window, count_include_pad=False)
        if op == "largest":
            return nn.max_pool(x, **window)
        if op == "skip":
            return x
        kind, size = op[:-1], int(op[-1])
        twice, dilation = kind == "separable", 1 if kind == "separable" else 2
        return Convolutions(size, stride, dilation, twice, self.layers, name=name)(x, train=train)


class AuxiliaryHead(nn.Module):
    """Logits from the middle of the network, for training: two by two windows of 5/8 of the side, two convolutions."""

    classes: int
    layers: Layers

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """(N, H, W, C) -> (N, classes) float32.

        Raises:
            ValueError: fewer than 2 pixels on a side.
        """
        if min(x.shape[1:3]) < 2:
            raise ValueError(f"the auxiliary head is given {x.shape[1]} x {x.shape[2]} pixels: it takes 2 and more")
        window = tuple(max(1, 5 * side // 8) for side in x.shape[1:3])
        strides = tuple(side - own for side, own in zip(x.shape[1:3], window, strict=True))
        x = nn.avg_pool(nn.relu(x), window, strides)
        for number, (channels, size) in enumerate(zip(_AUXILIARY, (1, 2), strict=True), start=1):
            x = self.layers.conv(x, channels, f"conv{number}", size=size)
            x = nn.relu(self.layers.normalise(x, f"norm{number}", train=train))
        return self.layers.head(pool(x), self.classes)


class PDarts(Network):
    """P-DARTS's network of `depth` cells: conv-norm stem, three stages of cells, average pool, dense.

    The first cell of the second and of the third stage halves the size and doubles the channels. In training it gives
    the logits of an auxiliary head behind the third stage's first cell too, and draws from the rng stream `dropout`.

    Attributes:
        depth: 3n + 2 cells, n of them before the first that halves the size: 20.
        width: channels of a node of the first stage, an even number: 36.
        drop_path: share of the paths dropped when `progress` is 0, and 1.
    """

    depth: int = 20
    width: int = 36
    drop_path: tuple[float, float] = (0.0, 0.0)
    initialiser: str = "pytorch"

    @nn.compact
    def __call__(
        self, x: Array, *, train: bool, tap: Tap = no_tap, progress: Array | float = 0.0
    ) -> Array | tuple[Array, Array]:
        """Logits (N, classes) float32; in training those of the network and those of its auxiliary head.

        Args:
            x: (N, H, W, 3) float, normalised images of any size from 8 x 8 on.
            train: batch statistics and dropped paths, or running statistics and all paths.
            tap: is given `input`, `stage1` to `stage3`, the last two cells' channels one after the other, which is
                what further cells read, and `features` (N, 16 * width).
            progress: () in [0, 1], share of the stage of training that is done.

        Raises:
            ValueError: impossible depth, odd width, too small images, unknown `norm` or `initialiser`.
        """
        if self.width % 2:
            raise ValueError(f"width {self.width} is odd: where a cell halves the size, its channels have two halves")
        first = blocks_a_stage(self.depth, **STEPS["pdarts"])
        layers = self.make_layers(x, blocks=self.depth)
        start, end = self.drop_path
        rate = start + (end - start) * progress

        x = tap("input", x).astype(self.dtype)
        x = layers.normalise(layers.conv(x, _STEM * self.width, "stem"), "stem_norm", train=train)
        before, last, after_reduction, auxiliary = x, x, False, None
        for stage, cells in enumerate((first, first + 1, first + 1), start=1):
            for cell in range(1, cells + 1):
                reduces = stage > 1 and cell == 1
                made = Cell(
                    channels=self.width * 2 ** (stage - 1),
                    reduces=reduces,
                    after_reduction=after_reduction,
                    drops=any(self.drop_path),
                    layers=layers,
                    name=f"stage{stage}_block{cell}",
                )
                before, last = last, self.through(made, (before, last, rate), train=train)
                after_reduction = reduces
                if (stage, cell) == (3, 1) and (train or self.is_initializing()):
                    auxiliary = AuxiliaryHead(self.classes, layers, name="auxiliary")(last, train=train)
            if tap is not no_tap:
                both = tap(f"stage{stage}", jnp.concatenate([before, last], axis=-1))
                before, last = both[..., : before.shape[-1]], both[..., before.shape[-1] :]
        logits = layers.head(tap("features", pool(last)), self.classes)
        return (logits, auxiliary) if train and auxiliary is not None else logits
