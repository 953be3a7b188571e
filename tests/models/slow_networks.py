"""The networks in float64 NumPy, one branch, written from the papers' description and not from the models.

Each takes its variables and images (N, H, W, 3) and gives logits (N, classes), with running statistics.
"""

import numpy as np

from tests.models.slow_layers import (
    Slow,
    average_pool,
    depthwise,
    max_pool,
    pool_and_pad,
    relu,
    subsample_and_pad,
)


def wide_resnet(variables, x, *, depth, width, shortcut="pool_pad", group_skips=False):
    net = Slow(variables, symmetric=shortcut == "conv")
    x = stem = net.conv(x, "stem")
    for group in (1, 2, 3):
        channels = 16 * width * 2 ** (group - 1)
        entered = x
        for number in range(1, (depth - 4) // 6 + 1):
            block = net[f"group{group}_block{number}"]
            stride = 2 if group > 1 and number == 1 else 1
            changes = x.shape[-1] != channels
            activated = block.add(relu(block.norm(x, "norm1")), "shift1")
            y = block.conv(activated, "conv1", stride)
            y = block.conv(block.add(relu(block.norm(y, "norm2")), "shift2"), "conv2")
            if shortcut == "conv":
                x = block.conv(activated, "shortcut", stride) if changes else x
            else:
                x = pool_and_pad(activated if (group, number) == (1, 1) else x, channels, stride)
            x = x + block.multiply(y, "multiplier")
        if group_skips:
            x = x + pool_and_pad(entered, channels, 2 if group > 1 else 1)
    if group_skips:
        x = x + pool_and_pad(stem, x.shape[-1], 4)
    return net.head(relu(net.norm(x, "final_norm")))


def preact_resnet(variables, x, *, depth, width, stem_stride=1, final_norm=False):
    net = Slow(variables)
    x = net.conv(x, "stem", stem_stride)
    for stage in (1, 2, 3, 4):
        for number in range(1, (depth - 2) // 8 + 1):
            block = net[f"stage{stage}_block{number}"]
            first = stage > 1 and number == 1
            stride = 2 if first else 1
            activated = block.add(relu(block.norm(x, "norm1")), "shift1")
            outer = block.conv(activated, "shortcut", stride) if first else x
            y = relu(block.norm(block.conv(activated, "conv1", stride), "norm2"))
            x = block.multiply(block.conv(block.add(y, "shift2"), "conv2"), "multiplier") + outer
    return net.head(relu(net.norm(x, "final_norm")) if final_norm else x)


def shake_shake(variables, x, *, depth, width):
    net = Slow(variables)
    x = net.norm(net.conv(x, "stem"), "stem_norm")
    for stage in (1, 2, 3):
        for number in range(1, (depth - 2) // 6 + 1):
            block = net[f"stage{stage}_block{number}"]
            stride = 2 if stage > 1 and number == 1 else 1
            total = 0
            for branch in (block["branch1"], block["branch2"]):
                y = branch.norm(branch.conv(branch.add(relu(x), "shift1"), "conv1", stride), "norm1")
                y = branch.multiply(branch.conv(branch.add(relu(y), "shift2"), "conv2"), "multiplier")
                total = total + 0.5 * branch.norm(y, "norm2")
            if number == 1:
                skip = block["skip"]
                seen = relu(x)
                moved = np.zeros_like(seen)
                moved[:, 1:, 1:] = seen[:, :-1, :-1]
                halves = [skip.conv(seen, "conv1", stride), skip.conv(moved, "conv2", stride)]
                x = skip.norm(np.concatenate(halves, -1), "norm")
            x = x + total
    return net.head(relu(x))


def _residual_block(block, x, stride, shortcut):
    first = outer = block.add(x, "shift1")
    if "conv3" in block.params:
        y = relu(block.norm(block.conv(first, "conv1"), "norm1"))
        y = relu(block.norm(block.conv(block.add(y, "shift2"), "conv2", stride), "norm2"))
        y = block.norm(block.multiply(block.conv(block.add(y, "shift3"), "conv3"), "multiplier"), "norm3")
    else:
        y = relu(block.norm(block.conv(first, "conv1", stride), "norm1"))
        y = block.norm(block.multiply(block.conv(block.add(y, "shift2"), "conv2"), "multiplier"), "norm2")
    if y.shape == x.shape:
        return relu(x + y)
    if shortcut == "pad":
        return relu(subsample_and_pad(outer, y.shape[-1], stride) + y)
    outer = block.conv(outer, "shortcut", stride)
    return relu((outer if block.fixup else block.norm(outer, "shortcut_norm")) + y)


def cifar_resnet(variables, x, *, depth, width, shortcut="pad"):
    net = Slow(variables)
    x = relu(net.norm(net.conv(x, "stem"), "stem_norm"))
    for stage in (1, 2, 3):
        for number in range(1, (depth - 2) // 6 + 1):
            stride = 2 if stage > 1 and number == 1 else 1
            x = _residual_block(net[f"stage{stage}_block{number}"], x, stride, shortcut)
    return net.head(x)


def imagenet_resnet(variables, x, *, depth, width):
    blocks = {10: 1, 14: 1, 18: 2}[depth]
    net = Slow(variables)
    x = max_pool(relu(net.norm(net.conv(x, "stem", 2), "stem_norm")), 3, 2)
    for stage in (1, 2, 3, 4):
        for number in range(1, blocks + 1):
            stride = 2 if stage > 1 and number == 1 else 1
            x = _residual_block(net[f"stage{stage}_block{number}"], x, stride, "conv")
    return net.head(x)


def _separable(op, x, size, stride):
    for number, step in ((1, stride), (2, 1)):
        kernel = op.params[f"depthwise{number}"]["kernel"]
        assert kernel.shape[:2] == (size, size)
        x = op.norm(op.conv(depthwise(relu(x), kernel, step, 1), f"pointwise{number}"), f"norm{number}")
    return op.multiply(x, "multiplier")


def _dilated(op, x, size, stride):
    kernel = op.params["depthwise1"]["kernel"]
    assert kernel.shape[:2] == (size, size)
    x = op.norm(op.conv(depthwise(relu(x), kernel, stride, 2), "pointwise1"), "norm1")
    return op.multiply(x, "multiplier")


def _halved(part, x):
    x = relu(x)
    right = np.zeros_like(x)
    right[:, :-1, :-1] = x[:, 1:, 1:]
    halves = [part.conv(x, "conv1", 2), part.conv(right, "conv2", 2)]
    return part.norm(np.concatenate(halves, -1), "norm")


def _normal_cell(cell, a, b):
    """The normal cell as its picture shows it: c_{k-2} = a, c_{k-1} = b, and four nodes."""
    c = a + _dilated(cell["node2_dilated3_1"], b, 3, 1)
    d = a + _separable(cell["node3_separable3_1"], b, 3, 1)
    e = _separable(cell["node4_separable3_1"], b, 3, 1) + _separable(cell["node4_separable3_3"], d, 3, 1)
    f = _separable(cell["node5_separable3_0"], a, 3, 1) + _dilated(cell["node5_dilated5_4"], e, 5, 1)
    return np.concatenate([c, d, e, f], -1)


def _reduction_cell(cell, a, b):
    c = average_pool(a, 3, 2) + _separable(cell["node2_separable5_1"], b, 5, 2)
    d = _separable(cell["node3_separable3_0"], a, 3, 2) + _dilated(cell["node3_dilated5_2"], c, 5, 1)
    e = max_pool(a, 3, 2) + _dilated(cell["node4_dilated3_1"], b, 3, 2)
    f = _dilated(cell["node5_dilated3_1"], b, 3, 2) + _dilated(cell["node5_dilated5_3"], d, 5, 1)
    return np.concatenate([c, d, e, f], -1)


def pdarts(variables, x, *, depth, width):
    net = Slow(variables)
    a = b = net.norm(net.conv(x, "stem"), "stem_norm")
    halves, number, was = (depth // 3, 2 * depth // 3), [0, 0, 0], False
    for place in range(depth):
        stage = sum(place >= half for half in halves)
        number[stage] += 1
        cell = net[f"stage{stage + 1}_block{number[stage]}"]
        entered = cell.norm(cell.conv(relu(b), "entrance1"), "entrance1_norm")
        assert entered.shape[-1] == width * 2**stage
        before = _halved(cell["reduction"], a) if was else cell.norm(cell.conv(relu(a), "entrance0"), "entrance0_norm")
        was = place in halves
        a, b = b, (_reduction_cell if was else _normal_cell)(cell, before, entered)
    return net.head(b)
