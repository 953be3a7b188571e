"""Feature pyramid network: maps of all levels with the same number of channels, each with what coarser ones see."""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

Array = jax.Array
_XAVIER = nn.initializers.xavier_uniform()


class FeaturePyramid(nn.Module):
    """Lin et al. 2017, section 3, with no normalisation and no activation, as mmdetection's and torchvision's.

    Attributes:
        channels: of every level.
        dtype: of convolutions and activations.
    """

    channels: int = 256
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, maps: Sequence[Array]) -> list[Array]:
        """Returns the levels of the pyramid, (N, H, W, channels), and one more of half the size of the last.

        Args:
            maps: of the backbone, (N, H, W, C), the finest first, each half as large as the one before, rounded up.
        """
        conv = {"dtype": self.dtype, "kernel_init": _XAVIER}
        inner = [nn.Conv(self.channels, (1, 1), name=f"lateral{k}", **conv)(x) for k, x in enumerate(maps, start=2)]
        for k in range(len(inner) - 2, -1, -1):
            height, width = inner[k].shape[1:3]
            inner[k] += jnp.repeat(jnp.repeat(inner[k + 1], 2, axis=1), 2, axis=2)[:, :height, :width]
        levels = [
            nn.Conv(self.channels, (3, 3), padding=1, name=f"level{k}", **conv)(x) for k, x in enumerate(inner, start=2)
        ]
        return [*levels, levels[-1][:, ::2, ::2]]
