"""Slow truth for the augmentation ops, one image at a time: Pillow where it has the op, plain NumPy where it has not.

Images are (H, W, 4) uint8 RGBX: X = 255 for an image pixel, 0 for a filler, and label + 1 under a mask.
"""

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from sbn.augment import draws, ops
from sbn.augment.levels import argument
from sbn.augment.pipeline import draw_addresses
from sbn.augment.policies import OP_LISTS, SIGNED

_MATRICES = {
    "ShearX": lambda v: (1, v, 0, 0, 1, 0),
    "ShearY": lambda v: (1, 0, 0, v, 1, 0),
    "TranslateX": lambda v: (1, 0, v, 0, 1, 0),
    "TranslateY": lambda v: (1, 0, 0, 0, 1, v),
}
_TONES = {
    "Identity": lambda image, v: image,
    "AutoContrast": lambda image, v: ImageOps.autocontrast(image),
    "Equalize": lambda image, v: ImageOps.equalize(image),
    "Invert": lambda image, v: ImageOps.invert(image),
    "Posterize": lambda image, v: ImageOps.posterize(image, v),
    "Solarize": lambda image, v: ImageOps.solarize(image, v),
    "Color": lambda image, v: ImageEnhance.Color(image).enhance(v),
    "Contrast": lambda image, v: ImageEnhance.Contrast(image).enhance(v),
    "Brightness": lambda image, v: ImageEnhance.Brightness(image).enhance(v),
    "Sharpness": lambda image, v: ImageEnhance.Sharpness(image).enhance(v),
}


def pillow_op(rgb, name, value, fill=128):
    """One op by Pillow (SolarizeAdd, which it lacks, by its definition): (H, W, 3) uint8 -> the like."""
    image = Image.fromarray(rgb)
    if name in _TONES:
        return np.asarray(_TONES[name](image, value))
    if name == "Rotate":
        return np.asarray(image.rotate(value, Image.Resampling.NEAREST, fillcolor=(fill,) * 3))
    if name in _MATRICES:
        method, matrix = Image.Transform.AFFINE, _MATRICES[name](value)
        return np.asarray(image.transform(image.size, method, matrix, Image.Resampling.NEAREST, fillcolor=(fill,) * 3))
    assert name == "SolarizeAdd"
    wide = rgb.astype(int)
    return np.where(wide < 128, np.clip(wide + value, 0, 255), wide).astype(np.uint8)


def hole(image, row, column, side, colour):
    """Fills rows max(0, row-h) .. min(H, row+h)-1, columns alike, h = side // 2."""
    out, half = image.copy(), side // 2
    height, width = image.shape[:2]
    out[max(0, row - half) : min(height, row + half), max(0, column - half) : min(width, column + half)] = colour
    return out


def policy_op(image, name, value, row, column, fill):
    """One RandAugment op on RGBX."""
    if name == "Cutout":
        return hole(image, row, column, value, (fill, fill, fill, 255))
    rgb = pillow_op(image[..., :3], name, value, fill)
    mark = image[..., 3]
    if name in SIGNED:  # the mark moves as the pixels do; uncovered pixels are image
        mark = pillow_op(np.repeat(mark[..., None], 3, axis=2), name, value, 255)[..., 0]
    return np.dstack([rgb, mark])


def randaugment(image, op, bits):
    names = OP_LISTS[op.ops]
    for layer in range(op.layers):
        which, sign, row, column = (int(b) for b in bits[4 * layer : 4 * layer + 4])
        name = names[which * len(names) >> 32]
        value = argument(name, op.magnitude)
        if name in SIGNED and sign >> 31:
            value = -value
        height, width = image.shape[:2]
        image = policy_op(image, name, value, row * height >> 32, column * width >> 32, op.fill)
    return image


def crop(image, op, bits):
    spread = 2 * op.pad + 1
    row, column = int(bits[0]) * spread >> 32, int(bits[1]) * spread >> 32
    height, width = image.shape[:2]
    padding = ((op.pad, op.pad), (op.pad, op.pad), (0, 0))
    if isinstance(op.fill, int):
        padded = np.full((height + 2 * op.pad, width + 2 * op.pad, 4), (op.fill, op.fill, op.fill, 255), np.uint8)
        padded[op.pad : -op.pad, op.pad : -op.pad] = image
    else:
        padded = np.pad(image, padding, mode={"mean": "constant", "reflect": "reflect"}[op.fill])
    return padded[row : row + height, column : column + width]


def gaussian(image, op, bits):
    size = image[..., :3].size
    pairs = (size + 1) // 2
    u, v = (1 - bits[:pairs] // 256 / 2**24), bits[pairs : 2 * pairs] // 256 / 2**24
    radius = np.sqrt(-2 * np.log(u))
    noise = np.concatenate([radius * np.cos(2 * np.pi * v), radius * np.sin(2 * np.pi * v)])[:size]
    sigma = op.sigma * (bits[2 * pairs] // 256 / 2**24 if op.kind == "uniform" else 1)
    # noise is laid out channel by channel
    noise = noise.reshape(3, *image.shape[:2]).transpose(1, 2, 0)
    noisy = np.clip(image[..., :3] / 255 + sigma * noise, 0, 1) * 255
    return np.dstack([np.round(noisy).astype(np.uint8), image[..., 3]])


def run_op(image, op, bits):
    height, width = image.shape[:2]
    if isinstance(op, ops.Flip):
        return image[:, ::-1] if (int(bits[0]) >> 8) / 2**24 < op.probability else image
    if isinstance(op, ops.Crop):
        return crop(image, op, bits)
    if isinstance(op, ops.Cutout):
        return hole(image, int(bits[0]) * height >> 32, int(bits[1]) * width >> 32, 2 * op.half, 0)
    if isinstance(op, ops.Gaussian):
        return gaussian(image, op, bits)
    if isinstance(op, ops.RandAugment):
        return randaugment(image, op, bits)
    from tests.oracles import filters, policies, windows  # which use the ops above

    module = next(module for module in (policies, filters, windows) if hasattr(module, op.name))
    return getattr(module, op.name)(image, op, bits)


def run(rgb, pipeline, *, seed, stage, epoch, identity, view, marks=255):
    """A whole pipeline on one (H, W, 3) uint8 image -> (H, W, 4) uint8 RGBX."""
    image = np.dstack([rgb, np.full(rgb.shape[:2], marks, np.uint8)])
    for op, need in zip(pipeline, draw_addresses(pipeline, rgb.shape[:2]), strict=True):
        drawn = draws.bits(seed, [identity], stage=stage, epoch=epoch, view=view, draws=need)[0]
        image = run_op(image, op, drawn.astype(np.int64))
    return np.ascontiguousarray(image)


def nearest(mark, height, width):
    """Pillow's NEAREST on X; what was filler is image without a label."""
    resized = np.asarray(Image.fromarray(np.ascontiguousarray(mark)).resize((width, height), Image.Resampling.NEAREST))
    return np.where(resized == 0, 255, resized).astype(np.uint8)


def labelled(rgb, seed=2):
    """X of masks for (N, H, W, 3) images: labels 0 to 253 in blocks, some pixels without one."""
    marks = np.random.default_rng(seed).integers(1, 256, rgb.shape[:3]).astype(np.uint8)
    rows, columns = np.mgrid[: rgb.shape[1], : rgb.shape[2]]
    return marks[:, rows // 3 * 3, columns // 4 * 4]


def images(size, count=90, seed=0):
    """Random and structured images that reach every special case: flat, two-valued, gradients, dark, bright, noise."""
    rng = np.random.default_rng(seed)
    height, width = size
    rows, columns = np.mgrid[:height, :width]
    made = [np.full((height, width, 3), v, np.uint8) for v in (0, 1, 127, 128, 254, 255)]
    made.append(
        np.dstack([rows * 255 // max(height - 1, 1), columns * 255 // max(width - 1, 1), (rows + columns) % 256])
    )
    made.append(np.dstack([(rows + columns) % 2 * 255] * 3))
    made.append(np.dstack([(rows // 4 + columns // 4) % 2 * 200 + 20, rows * 0 + 77, columns % 256]))
    made.append(np.dstack([(rows == height - 1) * 255, (columns == 0) * 90, rows * 0]))
    level = rows * width + columns  # all 256 levels, where there are so many pixels
    made.append(np.dstack([level % 256, (level * 3 + 1) % 256, 255 - level % 256]))
    while len(made) < count:
        low, span = rng.integers(0, 200), rng.integers(1, 256)
        kind = len(made) % 3
        if kind == 0:
            image = rng.integers(0, 256, (height, width, 3))
        elif kind == 1:
            image = np.clip(low + rng.integers(0, span, (height, width, 3)), 0, 255)
        else:  # smooth: a coarse grid enlarged
            coarse = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
            image = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BILINEAR))
        made.append(image)
    return np.stack([image.astype(np.uint8) for image in made])
