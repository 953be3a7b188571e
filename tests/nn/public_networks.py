"""Networks as other projects write them: none of them knows of branches."""

import functools

import flax.linen as nn
import jax.numpy as jnp


class ResNetBlock(nn.Module):
    """As in flax's ImageNet example."""

    filters: int
    conv: object
    norm: object
    strides: tuple = (1, 1)

    @nn.compact
    def __call__(self, x):
        y = nn.relu(self.norm()(self.conv(self.filters, (3, 3), self.strides)(x)))
        y = self.norm(scale_init=nn.initializers.zeros_init())(self.conv(self.filters, (3, 3))(y))
        if x.shape != y.shape:
            x = self.norm(name="norm_proj")(self.conv(self.filters, (1, 1), self.strides, name="conv_proj")(x))
        return nn.relu(x + y)


class ResNet(nn.Module):
    """BatchNorm in nested scopes."""

    num_classes: int = 5
    num_filters: int = 4

    @nn.compact
    def __call__(self, x, train: bool = True):
        conv = functools.partial(nn.Conv, use_bias=False)
        norm = functools.partial(nn.BatchNorm, use_running_average=not train, momentum=0.9, epsilon=1e-5)
        x = nn.relu(norm(name="bn_init")(conv(self.num_filters, (3, 3), name="conv_init")(x)))
        x = nn.max_pool(x, (3, 3), strides=(2, 2), padding="SAME")
        for i in range(2):
            x = ResNetBlock(self.num_filters * 2**i, conv, norm, strides=(1 + i, 1 + i))(x)
        return nn.Dense(self.num_classes)(jnp.mean(x, axis=(1, 2)))


class Transformer(nn.Module):
    """LayerNorm alone; attention with biases and scales of two dimensions that belong to heads, not to branches."""

    classes: int = 5
    heads: int = 2

    @nn.compact
    def __call__(self, x, *, deterministic: bool):
        x = nn.Conv(8, (4, 4), strides=(4, 4), name="patches")(x)
        x = x.reshape(len(x), -1, 8)
        x = x + self.param("position", nn.initializers.normal(0.02), x.shape[1:])
        y = nn.MultiHeadDotProductAttention(self.heads)(nn.LayerNorm()(x))
        scale = self.param("scale", nn.initializers.ones, (self.heads, 4))
        x = x + y * scale.reshape(-1)
        x = x + nn.Dense(8)(nn.gelu(nn.Dense(16)(nn.LayerNorm(name="before_mlp")(x))))
        x = nn.Dropout(0.1)(x, deterministic=deterministic)
        return nn.Dense(self.classes)(nn.GroupNorm(2)(x).mean(1))


class Dropped(nn.Module):
    """Dropout in two places, between layers with statistics."""

    @nn.compact
    def __call__(self, x, training):
        x = nn.relu(nn.BatchNorm(use_running_average=not training)(nn.Conv(4, (3, 3))(x)))
        x = nn.Dropout(0.5, deterministic=not training)(x).mean((1, 2))
        x = nn.Dropout(0.3, deterministic=not training)(nn.Dense(16)(x))
        return nn.Dense(5)(x)


class Cell(nn.Module):
    """One layer of `Scanned`."""

    train: bool

    @nn.compact
    def __call__(self, x, _):
        y = nn.BatchNorm(use_running_average=not self.train, momentum=0.9)(nn.Conv(x.shape[-1], (3, 3))(x))
        return x + nn.relu(nn.LayerNorm()(y)), None


class Scanned(nn.Module):
    """Layers in a scan, rematerialised: their variables have a first axis of layers, behind that of branches."""

    @nn.compact
    def __call__(self, x, *, train=False):
        axes = {"params": 0, "batch_stats": 0}
        layers = nn.scan(nn.remat(Cell), variable_axes=axes, split_rngs={"params": True}, length=2)
        x, _ = layers(train, name="layers")(nn.Conv(4, (3, 3), strides=2)(x), None)
        return nn.Dense(5)(x.mean((1, 2)))


# by name, and the scopes that are a branch's own
PUBLIC = {
    "resnet": (ResNet(), ("norm", "BatchNorm", "bn_init")),
    "transformer": (Transformer(), ("LayerNorm", "before_mlp", "GroupNorm")),
    "dropped": (Dropped(), ("BatchNorm",)),
    "scanned": (Scanned(), ("BatchNorm", "LayerNorm")),
}
