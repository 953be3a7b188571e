"""Wide ResNet in float64 NumPy loops, one branch, written from the papers' description and not from the model.

Evaluation only: normalisation uses the running statistics. Shapes are (N, H, W, C).
"""

import numpy as np


def conv(x, kernel, stride):
    """SAME convolution: total padding max((ceil(H/s) - 1) * s + k - H, 0), the smaller half before."""
    size = kernel.shape[0]
    out = [-(-side // stride) for side in x.shape[1:3]]
    total = [max((o - 1) * stride + size - side, 0) for o, side in zip(out, x.shape[1:3], strict=True)]
    x = np.pad(x, [(0, 0), *((t // 2, t - t // 2) for t in total), (0, 0)])
    y = np.zeros((x.shape[0], *out, kernel.shape[-1]))
    for i in range(out[0]):
        for j in range(out[1]):
            patch = x[:, i * stride : i * stride + size, j * stride : j * stride + size]
            y[:, i, j] = np.einsum("nhwc,hwcd->nd", patch, kernel)
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


def forward(variables, x, *, depth, width, shortcut, group_skips=False, epsilon=1e-5):
    """Logits (N, classes) of one branch; `variables` have no K axis. Any variables without `batch_stats` skip norms."""
    params, stats = variables["params"], variables.get("batch_stats")

    def norm_relu(x, path):
        if stats is not None:
            p, s = params, stats
            for name in path:
                p, s = p[name], s[name]
            x = (x - s["mean"]) / np.sqrt(s["var"] + epsilon) * p["scale"] + p["bias"]
        return np.maximum(x, 0)

    x = stem = conv(x, params["stem"]["kernel"], 1)
    for group in (1, 2, 3):
        channels = 16 * width * 2 ** (group - 1)
        entered = x
        for block in range(1, (depth - 4) // 6 + 1):
            name = f"group{group}_block{block}"
            stride = 2 if group > 1 and block == 1 else 1
            changes = x.shape[-1] != channels
            activated = norm_relu(x, (name, "norm1"))
            y = conv(activated, params[name]["conv1"]["kernel"], stride)
            y = conv(norm_relu(y, (name, "norm2")), params[name]["conv2"]["kernel"], 1)
            if shortcut == "conv":
                x = conv(activated, params[name]["shortcut"]["kernel"], stride) if changes else x
            else:
                start = activated if (group, block) == (1, 1) else x
                x = pool_and_pad(start, channels, stride)
            x = x + y
        if group_skips:
            x = x + pool_and_pad(entered, channels, 2 if group > 1 else 1)
    if group_skips:
        x = x + pool_and_pad(stem, x.shape[-1], 4)
    features = norm_relu(x, ("final_norm",)).mean((1, 2))
    return features @ params["head"]["kernel"] + params["head"]["bias"]
