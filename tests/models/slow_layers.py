"""The layers of one branch in float64 NumPy loops. Evaluation only: normalisation uses the running statistics.

Shapes are (N, H, W, C); variables have no K axis. Without `batch_stats` the network is a Fixup one.
"""

import numpy as np


def relu(x):
    return np.maximum(x, 0)


def windows(x, size, stride, symmetric, fill=0.0):
    """Every output position (i, j) with its patch (N, size, size, C), and the output's (H, W).

    Padding is (size - 1) / 2 on every side, or SAME: in total max((ceil(H/s) - 1) * s + size - H, 0), the smaller half
    before.
    """
    out = [-(-side // stride) for side in x.shape[1:3]]
    if symmetric:
        pads = [(size // 2, size // 2)] * 2
    else:
        total = [max((o - 1) * stride + size - side, 0) for o, side in zip(out, x.shape[1:3], strict=True)]
        pads = [(t // 2, t - t // 2) for t in total]
    x = np.pad(x, [(0, 0), *pads, (0, 0)], constant_values=fill)
    places = [(i, j) for i in range(out[0]) for j in range(out[1])]
    return out, [(i, j, x[:, i * stride : i * stride + size, j * stride : j * stride + size]) for i, j in places]


def conv(x, kernel, stride=1, symmetric=True):
    out, patches = windows(x, kernel.shape[0], stride, symmetric)
    y = np.zeros((x.shape[0], *out, kernel.shape[-1]))
    for i, j, patch in patches:
        y[:, i, j] = np.einsum("nhwc,hwcd->nd", patch, kernel)
    return y


def max_pool(x, size, stride):
    out, patches = windows(x, size, stride, True, fill=-np.inf)
    y = np.zeros((x.shape[0], *out, x.shape[-1]))
    for i, j, patch in patches:
        y[:, i, j] = patch.max((1, 2))
    return y


def average_pool(x, size, stride):
    """Means over the pixels that there are: none of the padding."""
    _, seen = windows(np.ones_like(x), size, stride, True)
    out, patches = windows(x, size, stride, True)
    y = np.zeros((x.shape[0], *out, x.shape[-1]))
    for (i, j, patch), (_, _, there) in zip(patches, seen, strict=True):
        y[:, i, j] = patch.sum((1, 2)) / there.sum((1, 2))
    return y


def depthwise(x, kernel, stride, dilation):
    """Every channel with a kernel of its own, whose places lie `dilation` pixels apart."""
    reach = dilation * (kernel.shape[0] - 1) // 2
    padded = np.pad(x, [(0, 0), (reach, reach), (reach, reach), (0, 0)])
    y = np.zeros((x.shape[0], -(-x.shape[1] // stride), -(-x.shape[2] // stride), x.shape[-1]))
    for i in range(y.shape[1]):
        for j in range(y.shape[2]):
            for u in range(kernel.shape[0]):
                for v in range(kernel.shape[1]):
                    y[:, i, j] += padded[:, i * stride + u * dilation, j * stride + v * dilation] * kernel[u, v, 0]
    return y


def pool_and_pad(x, channels, stride):
    """Mean over stride x stride windows, an incomplete window at the end over what it has; centred zero channels."""
    n, h, w, c = x.shape
    y = np.zeros((n, -(-h // stride), -(-w // stride), channels))
    before = (channels - c) // 2
    for i in range(y.shape[1]):
        for j in range(y.shape[2]):
            window = x[:, i * stride : (i + 1) * stride, j * stride : (j + 1) * stride]
            y[:, i, j, before : before + c] = window.mean((1, 2))
    return y


def subsample_and_pad(x, channels, stride):
    n, h, w, c = x.shape
    y = np.zeros((n, -(-h // stride), -(-w // stride), channels))
    for i in range(y.shape[1]):
        for j in range(y.shape[2]):
            y[:, i, j, :c] = x[:, i * stride, j * stride]
    return y


class Slow:
    """One module of a network: its variables, and the layers below it by name."""

    def __init__(self, variables, symmetric=True, epsilon=1e-5):
        self.params, self.stats = variables["params"], variables.get("batch_stats")
        self.symmetric, self.epsilon = symmetric, epsilon

    def __getitem__(self, name):
        below = {"params": self.params[name]}
        if self.stats is not None:
            below["batch_stats"] = self.stats.get(name, {})
        return Slow(below, self.symmetric, self.epsilon)

    @property
    def fixup(self):
        return self.stats is None

    def conv(self, x, name, stride=1):
        return conv(x, self.params[name]["kernel"], stride, self.symmetric)

    def norm(self, x, name):
        p = self.params[name]
        if self.fixup:
            return x + float(p["bias"])
        s = self.stats[name]
        return (x - s["mean"]) / np.sqrt(s["var"] + self.epsilon) * p["scale"] + p["bias"]

    def add(self, x, name):
        """The bias of a Fixup network; nothing in one with normalisation."""
        return x + float(self.params[name]["bias"]) if self.fixup else x

    def multiply(self, x, name):
        """The multiplier of a Fixup network; nothing in one with normalisation."""
        return x * float(self.params[name]["scale"]) if self.fixup else x

    def head(self, x):
        features = self.add(x.mean((1, 2)), "head_shift")
        return features @ self.params["head"]["kernel"] + self.params["head"]["bias"]
