"""The Pillow baseline of `augment_host`: one image at a time in one process."""

import random

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from sbn.augment.levels import argument
from sbn.augment.policies import SIGNED, TF_TPU_16

GREY = (128, 128, 128)
_SOLARIZE_ADD = [min(i + argument("SolarizeAdd", 10), 255) if i < 128 else i for i in range(256)] * 3


def _affine(image, matrix):
    return image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.NEAREST, fillcolor=GREY)


def _cutout(image, side, colour):
    height, width, half = image.height, image.width, side // 2
    y, x = random.randrange(height), random.randrange(width)
    image.paste(colour, (max(0, x - half), max(0, y - half), min(width, x + half), min(height, y + half)))
    return image


OPS = {
    "AutoContrast": lambda image, v: ImageOps.autocontrast(image),
    "Equalize": lambda image, v: ImageOps.equalize(image),
    "Invert": lambda image, v: ImageOps.invert(image),
    "Posterize": ImageOps.posterize,
    "Solarize": ImageOps.solarize,
    "SolarizeAdd": lambda image, v: image.point(_SOLARIZE_ADD),
    "Color": lambda image, v: ImageEnhance.Color(image).enhance(v),
    "Contrast": lambda image, v: ImageEnhance.Contrast(image).enhance(v),
    "Brightness": lambda image, v: ImageEnhance.Brightness(image).enhance(v),
    "Sharpness": lambda image, v: ImageEnhance.Sharpness(image).enhance(v),
    "Rotate": lambda image, v: image.rotate(v, Image.Resampling.NEAREST, fillcolor=GREY),
    "ShearX": lambda image, v: _affine(image, (1, v, 0, 0, 1, 0)),
    "ShearY": lambda image, v: _affine(image, (1, 0, 0, v, 1, 0)),
    "TranslateX": lambda image, v: _affine(image, (1, 0, v, 0, 1, 0)),
    "TranslateY": lambda image, v: _affine(image, (1, 0, 0, 0, 1, v)),
    "Cutout": lambda image, v: _cutout(image.copy(), v, GREY),
}


def randaugment(layers):
    """Returns a function from image to image."""

    def augment(image):
        for _ in range(layers):
            name = random.choice(TF_TPU_16)
            value = argument(name, 10)
            image = OPS[name](image, -value if name in SIGNED and random.random() < 0.5 else value)
        return image

    return augment


def batches(images, augment, batch):
    """Yields (weak, strong) uint8 arrays (batch, H, W, 3), for ever; `augment` makes the strong half's images."""
    side, rng = images.shape[1], np.random.default_rng(0)

    def finish(image):
        if side == 32:
            x, y = random.randrange(9) - 4, random.randrange(9) - 4
            image = image.crop((x, y, x + side, y + side))
        if random.random() < 0.5:
            image = ImageOps.mirror(image)
        return np.asarray(_cutout(image, 16, (0, 0, 0)) if side == 32 else image)

    def pair(array):
        image = Image.fromarray(array)
        return finish(image), finish(augment(image))

    while True:
        for ids in rng.permutation(len(images))[: len(images) // batch * batch].reshape(-1, batch):
            yield tuple(np.stack(view) for view in zip(*(pair(images[i]) for i in ids), strict=True))
