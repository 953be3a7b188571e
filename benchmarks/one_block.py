"""The smallest network with all that makes a split step dear if done badly: two sizes, a pooling shortcut, norms."""

import flax.linen as nn
import jax

from sbn.models.network import Network, Tap, no_tap
from sbn.nn.layers import pool
from sbn.nn.residual import PreActBlock


class OneBlock(Network):
    """A stem, one block that halves the size as those of Wide ResNets do, and a head."""

    initialiser: str = "autoaugment"

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool, tap: Tap = no_tap) -> jax.Array:
        """Logits (N, classes) of images (N, H, W, 3)."""
        layers = self.make_layers(x, blocks=1, symmetric=False)
        x = layers.conv(tap("input", x).astype(self.dtype), 16, "stem")
        block = PreActBlock(32, stride=2, activate_split=True, shortcut="pool_pad", layers=layers, name="block")
        x = nn.relu(layers.normalise(block(x, train=train), "final_norm", train=train))
        return layers.head(pool(x), self.classes)
