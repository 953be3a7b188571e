"""Blur, patches of noise and shrinking, one image at a time: NumPy in float64, and Pillow's resize."""

import numpy as np
from PIL import Image

from tests.oracles.image_ops import gaussian


def patch_gaussian(image, op, bits):
    class Noise:
        sigma = op.sigma * (int(bits[-4]) // 256 / 2**24)
        kind = "fixed"

    height, width = image.shape[:2]
    row, column = int(bits[-3]) * height >> 32, int(bits[-2]) * width >> 32
    side = 1 + (int(bits[-1]) * op.side >> 32) if op.random_side else op.side
    top, left, more = row - side // 2, column - side // 2, -(-side // 2)
    patch = slice(max(0, top), row + more), slice(max(0, left), column + more)
    out = image.copy()
    out[patch] = gaussian(image, Noise, bits[:-4])[patch]
    return out


def blur(image, op, bits):
    reach = op.side // 2
    kernel = np.array(
        [
            [np.exp(-(i * i + j * j) / (2 * op.sigma**2)) for j in range(-reach, reach + 1)]
            for i in range(-reach, reach + 1)
        ]
    )
    mark = (image[..., 3:] > 0).astype(float)
    padding = ((reach, reach), (reach, reach), (0, 0))
    colours, marks = (np.pad(part, padding, mode="reflect") for part in (image[..., :3] * mark, mark))
    out = image.copy()
    for row, column in np.argwhere(mark[..., 0]):
        near = slice(row, row + op.side), slice(column, column + op.side)
        total = np.einsum("ij,ijc->c", kernel, colours[near]) / np.sum(kernel * marks[near][..., 0])
        out[row, column, :3] = np.round(np.round(total, 9))  # whole means stay whole
    return out


def resize_and_pad(image, op, bits):
    height, width = image.shape[:2]
    small = Image.fromarray(np.ascontiguousarray(image[..., :3])).resize((op.size, op.size), Image.Resampling.BILINEAR)
    out = np.full_like(image, 0 if op.fill == "mean" else op.fill)
    if op.fill != "mean":
        out[..., 3] = 255
    top, left = {
        "centre": ((height - op.size) // 2, (width - op.size) // 2),
        "top_left": (0, 0),
        "random": tuple(int(bit) * (size - op.size + 1) >> 32 for bit, size in zip(bits, (height, width), strict=True)),
    }[op.placement]
    out[top : top + op.size, left : left + op.size] = np.dstack([small, np.full((op.size, op.size), 255, np.uint8)])
    return out
