"""Blur, patches of noise and shrinking, one image at a time: NumPy in float64, whole numbers, and Pillow's resize."""

import numpy as np
from PIL import Image

from tests.oracles.image_ops import gaussian, nearest


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
    line = np.array([np.exp(-i * i / (2 * op.sigma**2)) for i in range(-reach, reach + 1)])
    counts = [round(4096 * weight / line.sum()) for weight in line]
    kernel = np.array([[a * b for b in counts] for a in counts])
    mark = (image[..., 3:] > 0).astype(np.int64)
    padding = ((reach, reach), (reach, reach), (0, 0))
    colours, marks = (np.pad(part, padding, mode="reflect") for part in (image[..., :3] * mark, mark))
    out = image.copy()
    for row, column in np.argwhere(mark[..., 0]):
        near = slice(row, row + op.side), slice(column, column + op.side)
        total, weight = np.einsum("ij,ijc->c", kernel, colours[near]), np.sum(kernel * marks[near][..., 0])
        out[row, column, :3] = (2 * total + weight) // (2 * weight)  # to the nearest, halves up
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
    out[top : top + op.size, left : left + op.size] = np.dstack([small, nearest(image[..., 3], op.size, op.size)])
    return out
