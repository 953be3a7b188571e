"""AugMix one image at a time as the released code does it, with Pillow; the mixture in float64."""

import math

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

NAMES = ["AutoContrast", "Equalize", "Posterize", "Rotate", "Solarize", "ShearX", "ShearY", "TranslateX", "TranslateY"]
MORE = ["Color", "Contrast", "Brightness", "Sharpness"]


def _unit(bits):
    return (int(bits) >> 8) / 2**24


def base_op(rgb, name, level, negative):
    """One op on (H, W, 3) uint8 at a level, its sign turned over if negative."""
    image = Image.fromarray(rgb)
    width, height = image.size

    def whole(maximum):
        return int(level * maximum / 10)

    def real(maximum):
        return level * maximum / 10

    def signed(value):
        return -value if negative else value

    def affine(*matrix):
        return image.transform(image.size, Image.Transform.AFFINE, matrix, resample=Image.Resampling.BILINEAR)

    made = {
        "AutoContrast": lambda: ImageOps.autocontrast(image),
        "Equalize": lambda: ImageOps.equalize(image),
        "Posterize": lambda: ImageOps.posterize(image, 4 - whole(4)),
        "Rotate": lambda: image.rotate(signed(whole(30)), resample=Image.Resampling.BILINEAR),
        "Solarize": lambda: ImageOps.solarize(image, 256 - whole(256)),
        "ShearX": lambda: affine(1, signed(real(0.3)), 0, 0, 1, 0),
        "ShearY": lambda: affine(1, 0, 0, signed(real(0.3)), 1, 0),
        "TranslateX": lambda: affine(1, 0, signed(whole(width / 3)), 0, 1, 0),
        "TranslateY": lambda: affine(1, 0, 0, 0, 1, signed(whole(height / 3))),
        "Color": lambda: ImageEnhance.Color(image).enhance(real(1.8) + 0.1),
        "Contrast": lambda: ImageEnhance.Contrast(image).enhance(real(1.8) + 0.1),
        "Brightness": lambda: ImageEnhance.Brightness(image).enhance(real(1.8) + 0.1),
        "Sharpness": lambda: ImageEnhance.Sharpness(image).enhance(real(1.8) + 0.1),
    }
    return np.asarray(made[name]())


def chains(rgb, op, bits):
    """The images of all chains before mixing: (width, H, W, 3) uint8."""
    names = NAMES + MORE if op.all_ops else NAMES
    longest = 3 if op.depth < 0 else op.depth
    made = []
    for draws in np.reshape(bits, (op.width, 1 + 3 * longest)):
        image = rgb
        depth = 1 + (int(draws[0]) * 3 >> 32) if op.depth < 0 else op.depth
        for which, level, sign in np.reshape(draws[1:], (longest, 3))[:depth]:
            level = 0.1 + (op.severity - 0.1) * _unit(level)
            image = base_op(image, names[int(which) * len(names) >> 32], level, int(sign) >> 31)
        made.append(image)
    return np.stack(made)


def weights(op, bits):
    """Dirichlet weights of the chains, and the weight of the mixture, in float64."""
    gammas = [sum(-math.log(1 - _unit(b)) for b in part) for part in np.reshape(bits, (op.width + 2, op.alpha))]
    chain, (augmented, original) = gammas[: op.width], gammas[op.width :]
    return np.array(chain) / sum(chain), augmented / (augmented + original)


def mixture(image, op, bits):
    """The mixture of an RGBX image with its chains, (H, W, 3) float64 in 0..255."""
    rgb = np.ascontiguousarray(image[..., :3])
    count = op.alpha * (op.width + 2)
    shares, m = weights(op, bits[:count])
    return (1 - m) * rgb + m * np.tensordot(shares, chains(rgb, op, bits[count:]), axes=1)
