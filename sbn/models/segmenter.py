"""A network that says of every pixel what it shows: a backbone with large maps, and heads of one convolution.

Atrous ResNets (Chen et al. 2018) with the auxiliary loss of PSPNet (Zhao et al. 2017), as *Consistent Normalization*,
section 4.3, has them. It does not say which head: these are those of PSPNet's code, without its pooling.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from sbn.models.resnet import ImageNetResNet
from sbn.nn.layers import Layers

Array = jax.Array
PYRAMID = (6, 12, 18, 24)


class SegmentationHead(nn.Module):
    """conv3x3, normalisation, relu, dropout, conv1x1: (N, h, w, C) to (N, h, w, classes) float32.

    Attributes:
        classes: number of classes.
        channels: of the 3x3 convolution.
        dropout: share of its channels that are dropped in training.
        layers: makes the layers.
    """

    classes: int
    channels: int
    dropout: float
    layers: Layers

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Returns logits."""
        x = self.layers.normalise(self.layers.conv(x, self.channels, "conv"), "norm", train=train)
        x = nn.Dropout(self.dropout, broadcast_dims=(1, 2), deterministic=not train)(nn.relu(x))
        return nn.Conv(self.classes, (1, 1), dtype=jnp.float32, name="classes")(x)


class AtrousPyramid(nn.Module):
    """Four convolutions to the classes that look 6, 12, 18 and 24 apart, added up (Chen et al. 2018, DeepLab-v2).

    (N, h, w, C) to (N, h, w, classes) float32.

    Attributes:
        classes: number of classes.
    """

    classes: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Returns logits."""
        x = x.astype(jnp.float32)
        return sum(
            nn.Conv(
                self.classes,
                (3, 3),
                kernel_dilation=dilation,
                padding=[(dilation, dilation)] * 2,
                dtype=jnp.float32,
                name=f"dilation{dilation}",
            )(x)
            for dilation in PYRAMID
        )


class Segmenter(nn.Module):
    """Images to logits of every pixel of a small map, in training with those of an auxiliary head.

    The variables of the backbone have the names that they have in the backbone alone, so that a classifier's fit.

    Attributes:
        backbone: with no classes of its own, and an `output_stride`.
        classes: number of classes.
        dropout: in the heads.
        head: the main one: 'conv' or 'aspp'.
    """

    backbone: ImageNetResNet
    classes: int
    dropout: float = 0.1
    head: str = "conv"

    def setup(self) -> None:  # noqa: D102
        nn.share_scope(self, self.backbone)

    @nn.compact
    def __call__(self, images: Array, *, train: bool) -> tuple[Array, ...]:
        """Returns (N, h, w, classes) float32 of the main head, and in training of the auxiliary one, on stage 3.

        Args:
            images: (N, H, W, 3) float, normalised.
            train: training mode.
        """
        found: dict[str, Array] = {}

        def keep(name: str, x: Array) -> Array:
            found[name] = x
            return x

        last: Any = self.backbone(images, train=train, tap=keep)
        layers = self.backbone.make_layers(images, blocks=1)

        def one_head(x: Array, name: str) -> Array:  # a quarter of the channels: 512 of 2,048, 256 of 1,024
            made = SegmentationHead(self.classes, max(x.shape[-1] // 4, 1), self.dropout, layers, name=name)
            return made(x, train=train)

        main = one_head(last, "head") if self.head == "conv" else AtrousPyramid(self.classes, name="head")(last)
        if not (train or self.is_initializing()):
            return (main,)
        return main, one_head(found["stage3"], "auxiliary_head")
