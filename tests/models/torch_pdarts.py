"""P-DARTS's network in PyTorch, from the two cells of its paper, with modules named as the model's parameters."""

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  PyTorch's own habit

# (input, layer) twice for each node: `a` and `b` are the cells before, the nodes are `c` to `f`
NORMAL = {
    "c": (("a", "skip"), ("b", "dilated3")),
    "d": (("a", "skip"), ("b", "separable3")),
    "e": (("b", "separable3"), ("d", "separable3")),
    "f": (("a", "separable3"), ("e", "dilated5")),
}
REDUCTION = {
    "c": (("a", "average"), ("b", "separable5")),
    "d": (("a", "separable3"), ("c", "dilated5")),
    "e": (("a", "largest"), ("b", "dilated3")),
    "f": (("b", "dilated3"), ("d", "dilated5")),
}


class Separable(nn.Module):
    """Depthwise, pointwise and norm, `times` times, each behind a relu."""

    def __init__(self, channels, size, stride, dilation, times):
        super().__init__()
        self.times = times
        for number in range(1, times + 1):
            reach = dilation * (size - 1) // 2
            own = {"stride": stride if number == 1 else 1, "padding": reach, "dilation": dilation, "groups": channels}
            self.add_module(f"depthwise{number}", nn.Conv2d(channels, channels, size, bias=False, **own))
            self.add_module(f"pointwise{number}", nn.Conv2d(channels, channels, 1, bias=False))
            self.add_module(f"norm{number}", nn.BatchNorm2d(channels))

    def forward(self, x):
        for number in range(1, self.times + 1):
            x = getattr(self, f"depthwise{number}")(F.relu(x))
            x = getattr(self, f"norm{number}")(getattr(self, f"pointwise{number}")(x))
        return x


class Halved(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs // 2, 1, stride=2, bias=False)
        self.conv2 = nn.Conv2d(inputs, outputs - outputs // 2, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x):
        x = F.relu(x)
        return self.norm(torch.cat([self.conv1(x), self.conv2(x[:, :, 1:, 1:])], 1))


class Cell(nn.Module):
    def __init__(self, a, b, channels, reduces, after_reduction):
        super().__init__()
        if after_reduction:
            self.reduction = Halved(a, channels)
        else:
            self.entrance0 = nn.Conv2d(a, channels, 1, bias=False)
            self.entrance0_norm = nn.BatchNorm2d(channels)
        self.entrance1, self.entrance1_norm = nn.Conv2d(b, channels, 1, bias=False), nn.BatchNorm2d(channels)
        self.nodes = REDUCTION if reduces else NORMAL
        self.stride, letters = 2 if reduces else 1, "abcdef"
        for node, paths in self.nodes.items():
            for source, layer in paths:
                if layer[:-1] in ("separable", "dilated"):
                    stride = self.stride if source in "ab" else 1
                    dilation, times = (1, 2) if layer[:-1] == "separable" else (2, 1)
                    name = f"node{letters.index(node)}_{layer}_{letters.index(source)}"
                    self.add_module(name, Separable(channels, int(layer[-1]), stride, dilation, times))

    def forward(self, a, b):
        first = self.reduction(a) if hasattr(self, "reduction") else self.entrance0_norm(self.entrance0(F.relu(a)))
        values = {"a": first, "b": self.entrance1_norm(self.entrance1(F.relu(b)))}
        for node, paths in self.nodes.items():
            values[node] = sum(self.path(node, source, layer, values[source]) for source, layer in paths)
        return torch.cat([values[node] for node in "cdef"], 1)

    def path(self, node, source, layer, x):
        if layer == "skip":
            return x
        if layer == "average":
            return F.avg_pool2d(x, 3, self.stride, 1, count_include_pad=False)
        if layer == "largest":
            return F.max_pool2d(x, 3, self.stride, 1)
        return getattr(self, f"node{'abcdef'.index(node)}_{layer}_{'abcdef'.index(source)}")(x)


class Auxiliary(nn.Module):
    """For 8 x 8 pixels: windows of 5, 3 apart, then 1x1 and 2x2 convolutions."""

    def __init__(self, inputs, classes):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(inputs, 128, 1, bias=False), nn.BatchNorm2d(128)
        self.conv2, self.norm2 = nn.Conv2d(128, 768, 2, bias=False), nn.BatchNorm2d(768)
        self.head = nn.Linear(768, classes)

    def forward(self, x):
        x = F.relu(self.norm1(self.conv1(F.avg_pool2d(F.relu(x), 5, 3))))
        return self.head(F.relu(self.norm2(self.conv2(x))).flatten(1))


class PDarts(nn.Module):
    """Logits; in training those of the auxiliary head behind the second reduction too."""

    def __init__(self, classes, depth, width):
        super().__init__()
        self.stem = nn.Conv2d(3, 3 * width, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(3 * width)
        a = b = 3 * width
        self.order, after, stage, number = [], False, 1, 0
        for place in range(depth):
            reduces = place in (depth // 3, 2 * depth // 3)
            stage, number = (stage + 1, 1) if reduces else (stage, number + 1)
            channels = width * 2 ** (stage - 1)
            self.order.append(f"stage{stage}_block{number}")
            self.add_module(self.order[-1], Cell(a, b, channels, reduces, after))
            a, b, after = b, 4 * channels, reduces
            if place == 2 * depth // 3:
                self.auxiliary = Auxiliary(b, classes)
        self.head = nn.Linear(b, classes)

    def forward(self, x):
        a = b = self.stem_norm(self.stem(x))
        auxiliary = None
        for name in self.order:
            a, b = b, getattr(self, name)(a, b)
            if name == "stage3_block1" and self.training:
                auxiliary = self.auxiliary(b)
        logits = self.head(b.mean((2, 3)))
        return (logits, auxiliary) if self.training else logits
