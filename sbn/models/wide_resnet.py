"""Wide ResNet as AutoAugment's TensorFlow code has it, and as its authors' with a 1x1 convolution in the shortcut.

Sources: Zagoruyko and Komodakis 2016; tensorflow/models `research/autoaugment/wrn.py`; for networks without
normalisation Zhang, Dauphin, Ma 2019 (Fixup, section 3).
"""

from typing import ClassVar

import flax.linen as nn
import jax

from sbn.config.errors import unknown
from sbn.config.model_keys import STEPS, blocks_a_stage
from sbn.models.network import Network, Tap, no_tap
from sbn.nn.layers import pool
from sbn.nn.residual import PreActBlock, pool_and_pad

Array = jax.Array

SHORTCUTS = ("pool_pad", "conv")
STRIDES = (1, 2, 2)
STEM_CHANNELS = 16


class WideResNet(Network):
    """WRN-depth-width: stem, three groups of blocks, norm-relu, average pool, dense.

    Attributes:
        depth: 6n + 4, for n blocks a group.
        width: k, the factor on the channels 16, 32, 64.
        dropout: rate between the two convolutions of a block (rng stream `dropout`).
        shortcut: where channels change: `'pool_pad'`, as in the TensorFlow code: no parameters, the first block of all
            branches off after its norm-relu, the others before, and convolutions pad as TensorFlow's; or `'conv'`
            (1x1), as in the original and in AugMix's code: the blocks that change channels branch off after their
            norm-relu, and convolutions pad as PyTorch's.
        group_skips: the TensorFlow code's additional shortcuts around every group and around all three.
    """

    depth: int = 28
    width: int = 2
    dropout: float = 0.0
    shortcut: str = "pool_pad"
    group_skips: bool = False
    initialiser: str = "autoaugment"

    mixing_points: ClassVar[tuple[str, ...]] = ("input", "group1", "group2")

    @nn.compact
    def __call__(self, x: Array, *, train: bool, tap: Tap = no_tap) -> Array:
        """Logits, (N, classes) float32.

        Args:
            x: (N, H, W, 3) float, normalised images of any size.
            train: batch statistics and dropout, or running statistics and none.
            tap: is given `input`, `group1` to `group3`, and `features` (N, 64 * width).

        Raises:
            ValueError: impossible depth, unknown `norm`, `shortcut` or `initialiser`.
        """
        if self.shortcut not in SHORTCUTS:
            raise unknown("shortcut", self.shortcut, SHORTCUTS)
        blocks = blocks_a_stage(self.depth, **STEPS["wide_resnet"])
        layers = self.make_layers(x, blocks=len(STRIDES) * blocks, symmetric=self.shortcut == "conv")

        x = tap("input", x).astype(self.dtype)
        x = stem = layers.conv(x, STEM_CHANNELS, "stem")
        for group, stride in enumerate(STRIDES, start=1):
            channels = STEM_CHANNELS * self.width * 2 ** (group - 1)
            entered = x
            for block in range(1, blocks + 1):
                first = group == block == 1
                changes = x.shape[-1] != channels
                made = PreActBlock(
                    channels=channels,
                    stride=stride if block == 1 else 1,
                    activate_split=changes if self.shortcut == "conv" else first,
                    shortcut=self.shortcut,
                    layers=layers,
                    dropout=self.dropout,
                    name=f"group{group}_block{block}",
                )
                x = self.through(made, x, train=train)
            if self.group_skips:
                x = x + pool_and_pad(entered, channels, stride=stride)
            if self.group_skips and group == len(STRIDES):
                x = x + pool_and_pad(stem, x.shape[-1], stride=4)
            x = tap(f"group{group}", x)
        x = nn.relu(layers.normalise(x, "final_norm", train=train))
        return layers.head(tap("features", pool(x)), self.classes)
