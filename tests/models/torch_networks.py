"""The networks in PyTorch, written from the papers' description, with modules named as the models' parameters.

A layer of the same name holds the same weights, so that `load` can carry them over and refuses any that is left.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  PyTorch's own habit

from tests.models.torch_pdarts import PDarts


def conv(inputs, outputs, size=3, stride=1):
    return nn.Conv2d(inputs, outputs, size, stride=stride, padding=size // 2, bias=False)


class Scalar(nn.Module):
    """Fixup's: adds `bias`, or multiplies by `scale`."""

    def __init__(self, name, value):
        super().__init__()
        self.register_parameter(name, nn.Parameter(torch.tensor(value)))

    def forward(self, x):
        return x + self.bias if hasattr(self, "bias") else x * self.scale


def norm(channels, fixup):
    return Scalar("bias", 0.0) if fixup else nn.BatchNorm2d(channels)


class PreActBlock(nn.Module):
    def __init__(self, inputs, outputs, stride, fixup, dropout=0.0):
        super().__init__()
        self.norm1, self.conv1 = norm(inputs, fixup), conv(inputs, outputs, 3, stride)
        self.norm2, self.conv2 = norm(outputs, fixup), conv(outputs, outputs)
        if inputs != outputs:
            self.shortcut = conv(inputs, outputs, 1, stride)
        if fixup:
            self.shift1, self.shift2 = Scalar("bias", 0.0), Scalar("bias", 0.0)
            self.multiplier = Scalar("scale", 1.0)
        self.fixup = fixup

    def forward(self, x):
        o = F.relu(self.norm1(x))
        if self.fixup:
            o = self.shift1(o)
        y = F.relu(self.norm2(self.conv1(o)))
        y = self.conv2(self.shift2(y)) if self.fixup else self.conv2(y)
        y = self.multiplier(y) if self.fixup else y
        return y + (self.shortcut(o) if hasattr(self, "shortcut") else x)


class Branch(nn.Module):
    def __init__(self, inputs, outputs, stride, fixup):
        super().__init__()
        self.conv1, self.norm1 = conv(inputs, outputs, 3, stride), norm(outputs, fixup)
        self.conv2, self.norm2 = conv(outputs, outputs), norm(outputs, fixup)

    def forward(self, x):
        return self.norm2(self.conv2(F.relu(self.norm1(self.conv1(F.relu(x))))))


class ShakeSkip(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.conv2 = conv(inputs, outputs // 2, 1), conv(inputs, outputs // 2, 1)
        self.norm, self.stride = nn.BatchNorm2d(outputs), stride

    def forward(self, x):
        x = F.relu(x)
        moved = F.pad(x, (1, -1, 1, -1))
        paths = (F.avg_pool2d(y, 1, self.stride) for y in (x, moved))
        return self.norm(torch.cat([c(y) for c, y in zip((self.conv1, self.conv2), paths, strict=True)], 1))


class ShakeShakeBlock(nn.Module):
    def __init__(self, inputs, outputs, stride, fixup):
        super().__init__()
        assert not fixup
        self.branch1, self.branch2 = Branch(inputs, outputs, stride, fixup), Branch(inputs, outputs, stride, fixup)
        if inputs != outputs:
            self.skip = ShakeSkip(inputs, outputs, stride)

    def forward(self, x):
        return (self.skip(x) if hasattr(self, "skip") else x) + 0.5 * self.branch1(x) + 0.5 * self.branch2(x)


class PostActBlock(nn.Module):
    """Two 3x3 convolutions, or 1x1, 3x3 and 1x1, and a relu after the sum."""

    def __init__(self, inputs, outputs, stride, fixup, bottleneck=False, option_a=False):
        super().__init__()
        inner = outputs // 4 if bottleneck else outputs
        if bottleneck:
            convs = [conv(inputs, inner, 1), conv(inner, inner, 3, stride), conv(inner, outputs, 1)]
        else:
            convs = [conv(inputs, outputs, 3, stride), conv(outputs, outputs)]
        self.count, self.fixup, self.stride, self.option_a = len(convs), fixup, stride, option_a
        for number, layer in enumerate(convs, 1):
            self.add_module(f"conv{number}", layer)
            self.add_module(f"norm{number}", norm(layer.out_channels, fixup))
            if fixup:
                self.add_module(f"shift{number}", Scalar("bias", 0.0))
        if fixup:
            self.multiplier = Scalar("scale", 1.0)
        self.changes = stride != 1 or inputs != outputs
        if self.changes and not option_a:
            self.shortcut = conv(inputs, outputs, 1, stride)
            if not fixup:
                self.shortcut_norm = norm(outputs, fixup)

    def forward(self, x):
        y = start = self.shift1(x) if self.fixup else x
        for number in range(1, self.count + 1):
            if number > 1:
                y = F.relu(y)
                y = getattr(self, f"shift{number}")(y) if self.fixup else y
            y = getattr(self, f"conv{number}")(y)
            if self.fixup and number == self.count:
                y = self.multiplier(y)
            y = getattr(self, f"norm{number}")(y)
        if self.changes and self.option_a:
            x = start[:, :, :: self.stride, :: self.stride]
            x = torch.cat([x, x.new_zeros(len(x), y.shape[1] - x.shape[1], *x.shape[2:])], 1)
        elif self.changes:
            x = self.shortcut(start)
            x = x if self.fixup else self.shortcut_norm(x)
        return F.relu(x + y)


class Net(nn.Module):
    """A stem, blocks, pooling and a linear layer.

    Args:
        stem: the first convolution.
        stages: for every stage its name, block constructor, number of blocks, output channels and stride.
        classes: number of logits.
        stem_norm: normalise after the stem.
        after_stem: what follows it.
        final_norm: normalise and relu before pooling.
        final_relu: relu before pooling.
        fixup: without normalisation.
    """

    def __init__(
        self, stem, stages, classes, *, stem_norm=True, after_stem=None, final_norm=False, final_relu=False, fixup=False
    ):
        super().__init__()
        self.stem, self.after_stem, self.final_relu = stem, after_stem or nn.Identity(), final_relu
        channels = stem.out_channels
        if stem_norm:
            self.stem_norm = norm(channels, fixup)
        self.order = []
        for name, block, count, outputs, stride in stages:
            for number in range(1, count + 1):
                self.order.append(f"{name}_block{number}")
                self.add_module(self.order[-1], block(channels, outputs, stride if number == 1 else 1, fixup))
                channels = outputs
        if final_norm:
            self.final_norm = norm(channels, fixup)
        if fixup:
            self.head_shift = Scalar("bias", 0.0)
        self.head = nn.Linear(channels, classes)

    def forward(self, x):
        x = self.stem(x)
        x = self.stem_norm(x) if hasattr(self, "stem_norm") else x
        x = self.after_stem(x)
        for name in self.order:
            x = getattr(self, name)(x)
        if hasattr(self, "final_norm"):
            x = F.relu(self.final_norm(x))
        x = (F.relu(x) if self.final_relu else x).mean((2, 3))
        return self.head(self.head_shift(x) if hasattr(self, "head_shift") else x)


def wide_resnet(classes, *, depth, width, shortcut, fixup=False):
    assert shortcut == "conv"
    stages = [(f"group{g}", PreActBlock, (depth - 4) // 6, 8 * width * 2**g, 1 + (g > 1)) for g in (1, 2, 3)]
    return Net(conv(3, 16), stages, classes, stem_norm=False, final_norm=True, fixup=fixup)


def preact_resnet(classes, *, depth, width, stem_stride=1, final_norm=False, fixup=False):
    stages = [(f"stage{s}", PreActBlock, (depth - 2) // 8, width * 2 ** (s - 1), 1 + (s > 1)) for s in (1, 2, 3, 4)]
    stem = conv(3, width, 3, stem_stride)
    return Net(stem, stages, classes, stem_norm=False, final_norm=final_norm, fixup=fixup)


def shake_shake(classes, *, depth, width):
    stages = [(f"stage{s}", ShakeShakeBlock, (depth - 2) // 6, width * 2 ** (s - 1), 1 + (s > 1)) for s in (1, 2, 3)]
    return Net(conv(3, 16), stages, classes, final_relu=True)


def cifar_resnet(classes, *, depth, width=16, shortcut="pad", fixup=False):
    def block(inputs, outputs, stride, fixup):
        return PostActBlock(inputs, outputs, stride, fixup, option_a=shortcut == "pad")

    stages = [(f"stage{s}", block, (depth - 2) // 6, width * 2 ** (s - 1), 1 + (s > 1)) for s in (1, 2, 3)]
    return Net(conv(3, width), stages, classes, after_stem=nn.ReLU(), fixup=fixup)


def imagenet_resnet(classes, *, depth, width=64, fixup=False):
    counts = {14: (1, 1, 1, 1), 18: (2, 2, 2, 2), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}[depth]
    bottleneck = depth != 18

    def block(inputs, outputs, stride, fixup):
        return PostActBlock(inputs, outputs, stride, fixup, bottleneck=bottleneck)

    stages = [
        (f"stage{s}", block, count, width * 2 ** (s - 1) * (4 if bottleneck else 1), 1 + (s > 1))
        for s, count in enumerate(counts, 1)
    ]
    after = nn.Sequential(nn.ReLU(), nn.MaxPool2d(3, 2, 1))
    return Net(conv(3, width, 7, 2), stages, classes, after_stem=after, fixup=fixup)


def pdarts(classes, *, depth, width):
    return PDarts(classes, depth, width)


NAMES = {
    ("params", "kernel"): "weight",
    ("params", "scale"): "weight",
    ("params", "bias"): "bias",
    ("batch_stats", "mean"): "running_mean",
    ("batch_stats", "var"): "running_var",
}


def torch_name(collection, path, ndim):
    leaf = path[-1] if ndim == 0 else NAMES[collection, path[-1]]
    return ".".join((*path[:-1], leaf))


def torch_layout(array):
    """(k, k, in, out) -> (out, in, k, k), (in, out) -> (out, in)."""
    return np.ascontiguousarray(
        {4: lambda a: a.transpose(3, 2, 0, 1), 2: lambda a: a.T}.get(array.ndim, lambda a: a)(array)
    )


def load(network, leaves):
    """Sets every weight and statistic; `leaves` maps (collection, *path) to an array without a K axis."""
    state = {
        torch_name(path[0], path[1:], leaf.ndim): torch.from_numpy(torch_layout(leaf).copy())
        for path, leaf in leaves.items()
    }
    counts = {name: value for name, value in network.state_dict().items() if name.endswith("num_batches_tracked")}
    network.load_state_dict({**state, **counts}, strict=True)
