"""Bilinear transforms against Pillow's on any matrix and any shape of image: at most a level apart, and rarely."""

import numpy as np
import pytest
from PIL import Image

from sbn.augment import geometry
from sbn.augment.device import bilinear
from sbn.augment.packing import grey
from sbn.data.pixels import pack
from tests import compiling
from tests.oracles.image_ops import images

FILL = 9
SIZES = ((20, 27), (33, 33), (1, 9), (8, 1))
MATRICES = [
    (1, 0, -0.5, 0, 1, 0.5),  # positions on the border itself
    (1, 0, 0.5, 0, 1, -0.5),
    (0.7, -0.2, 3.1, 0.4, 1.3, -5.7),
    (-1, 0, 27, 0, 1, 0),
    (90, 0, 0, 0, 1e5, -7e5),
    (1, 0.003, 0, 0, 1, 0),
    (1, 0, 0, -0.3, 1, 0),
    (1 / 3, 0, 1e-17, 0, 1 / 7, 2.0**-53),  # shares that repeat, and positions next to nothing
    (0.5, 0, 0.25, 0, 0.1, 0.45),
]


@pytest.mark.parametrize("size", SIZES)
def test_any_matrix_is_pillows_to_a_level_and_turns_are_but_for_a_few_values(size):
    turns = [geometry.rotation(degrees % 360, *size) for degrees in (*range(-30, 31, 2), 7, -29, 45, 90, 180, 359)]
    matrices, rgb = MATRICES + turns, images(size, 40)[6:]
    each = np.repeat(np.arange(len(matrices)), len(rgb))
    words = np.tile(pack(rgb).reshape(len(rgb), -1), (len(matrices), 1))
    read = bilinear.positions(np.array(matrices)[each], image_size=size)
    apply = compiling.jit(lambda words, read: bilinear.transform(words, read, image_size=size, fill=grey(FILL)))
    found = np.asarray(apply(words, read)).view(np.uint8).reshape(len(matrices), len(rgb), *size, 4)
    assert (found[..., 3] == 255).all()
    apart = []
    for matrix, results in zip(matrices, found, strict=True):
        for image, result in zip(rgb, results, strict=True):
            method, how = Image.Transform.AFFINE, Image.Resampling.BILINEAR
            moved = Image.fromarray(image).transform(size[::-1], method, matrix, how, fillcolor=(FILL,) * 3)
            difference = np.abs(result[..., :3].astype(int) - np.asarray(moved))
            assert difference.max() <= 1, matrix
            apart += [np.mean(difference)] if matrix in turns else []
    # many exact values are whole where sides are odd and the sine is 1/2
    assert np.mean(apart) < 2e-4
