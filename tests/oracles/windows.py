"""The ops that change the image size, one image at a time: windows by slicing, resampling by Pillow."""

import math

import numpy as np
from PIL import Image

from tests.oracles.image_ops import nearest


def _resized(image, height, width):
    """All of it image: fillers have become the colour under them; labels of a mask are the nearest."""
    rgb = Image.fromarray(np.ascontiguousarray(image[..., :3])).resize((width, height), Image.Resampling.BILINEAR)
    return np.dstack([rgb, nearest(image[..., 3], height, width)])


def random_crop(image, op, bits):
    top, left = (int(bit) * (side - op.size + 1) >> 32 for bit, side in zip(bits, image.shape[:2], strict=True))
    return image[top : top + op.size, left : left + op.size]


def centre_crop(image, op, bits):
    top, left = ((side - op.size) // 2 for side in image.shape[:2])
    return image[top : top + op.size, left : left + op.size]


def resize(image, op, bits):
    height, width = image.shape[:2]
    if height <= width:
        return _resized(image, op.size, int(op.size * width / height))
    return _resized(image, int(op.size * height / width), op.size)


def window(op, bits, height, width):
    """(top, left, height, width) of an Inception crop, in float64 and Python's own integers."""

    def middle(bit, low, high):
        return low + (high - low) * ((int(bit) >> 18) + 0.5) / 2**14

    for area, ratio in zip(bits[:10], bits[10:20], strict=True):
        area = height * width * middle(area, *op.area)
        ratio = math.exp(middle(ratio, *map(math.log, op.ratio)))
        tall, wide = round(math.sqrt(area / ratio)), round(math.sqrt(area * ratio))
        if 0 < tall <= height and 0 < wide <= width:
            return int(bits[20]) * (height - tall + 1) >> 32, int(bits[21]) * (width - wide + 1) >> 32, tall, wide
    tall, wide = height, width
    if width / height < op.ratio[0]:
        tall = round(width / op.ratio[0])
    elif width / height > op.ratio[1]:
        wide = round(height * op.ratio[1])
    return (height - tall) // 2, (width - wide) // 2, tall, wide


def inception_crop(image, op, bits):
    top, left, tall, wide = window(op, bits, *image.shape[:2])
    return _resized(image[top : top + tall, left : left + wide], op.size, op.size)
