"""Pre-activation ResNet for small images.

Sources: He et al. 2016 (Identity mappings); the details are those of the network that Mixup's and Manifold Mixup's
codes train (kuangliu/pytorch-cifar), and with them Data Augmentation Revisited (He et al. 2019).
"""

import flax.linen as nn
import jax

from sbn.config.model_keys import STEPS, blocks_a_stage
from sbn.models.network import Network, Tap, no_tap
from sbn.nn.layers import pool
from sbn.nn.residual import PreActBlock

Array = jax.Array

STRIDES = (1, 2, 2, 2)


class PreActResNet(Network):
    """PreActResNet-depth: a bare 3x3 stem, four stages of blocks, average pool, dense.

    Where a stage changes channels its shortcut is a 1x1 convolution of the activated input.

    Attributes:
        depth: 8n + 2, for n blocks a stage: 18.
        width: channels of the stem and the first stage; every further stage has twice as many.
        stem_stride: 1; Manifold Mixup's code has 2 for the 64 pixels of Tiny-ImageNet.
        final_norm: norm-relu before the pool, as in the paper; the codes pool the last sum as it is.
    """

    depth: int = 18
    width: int = 64
    stem_stride: int = 1
    final_norm: bool = False
    initialiser: str = "pytorch"

    @nn.compact
    def __call__(self, x: Array, *, train: bool, tap: Tap = no_tap) -> Array:
        """Logits, (N, classes) float32.

        Args:
            x: (N, H, W, 3) float, normalised images of any size.
            train: batch statistics or running statistics.
            tap: is given `input`, `stage1` to `stage4`, and `features` (N, 8 * width).

        Raises:
            ValueError: impossible depth, unknown `norm` or `initialiser`.
        """
        blocks = blocks_a_stage(self.depth, **STEPS["preact_resnet"])
        layers = self.make_layers(x, blocks=len(STRIDES) * blocks)

        x = tap("input", x).astype(self.dtype)
        x = layers.conv(x, self.width, "stem", stride=self.stem_stride)
        for stage, stride in enumerate(STRIDES, start=1):
            channels = self.width * 2 ** (stage - 1)
            for block in range(1, blocks + 1):
                made = PreActBlock(
                    channels=channels,
                    stride=stride if block == 1 else 1,
                    activate_split=x.shape[-1] != channels,
                    shortcut="conv",
                    layers=layers,
                    name=f"stage{stage}_block{block}",
                )
                x = self.through(made, x, train=train)
            x = tap(f"stage{stage}", x)
        if self.final_norm:
            x = nn.relu(layers.normalise(x, "final_norm", train=train))
        return layers.head(tap("features", pool(x)), self.classes)
