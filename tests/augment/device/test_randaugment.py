"""Every op on images that reach its special cases, bit for bit against Pillow, compiled as a step compiles it."""

import jax
import numpy as np
import pytest

from sbn.augment import ops
from sbn.augment.device.randaugment import Layers
from sbn.augment.levels import argument
from sbn.augment.policies import OP_LISTS, SIGNED
from sbn.data.pixels import pack
from tests.oracles.image_ops import hole, images, policy_op

SIZES = ((32, 32), (20, 27), (2, 5))
IMAGES = {size: images(size, 90) for size in SIZES}
ROW, COLUMN, FILL = 1, 3, 41


def word_for(choice, choices):
    """A draw that makes `below(draw, choices)` the given choice."""
    return -(-(choice << 32) // choices)


def run(words, size, draw_of, level, op_list):
    """One compiled layer; draws of every image are (op name, negative). Returns (N, H, W, 4) uint8 RGBX."""
    names, (height, width) = OP_LISTS[op_list], size
    bits = [
        (word_for(names.index(name), len(names)), negative << 31, word_for(ROW, height), word_for(COLUMN, width))
        for name, negative in draw_of
    ]
    layer = jax.jit(Layers(ops.RandAugment(1, level, op_list, FILL), size))
    found = layer(np.array(bits, np.uint32), words.reshape(len(words), -1))
    return np.asarray(found).view(np.uint8).reshape(len(words), height, width, 4)


def signed(name, level, negative):
    value = argument(name, level)
    return -value if negative else value


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("level", [0, 1, 2, 3.7, 4, 5, 7, 9, 10, 14, 17, 28, 30])
def test_every_op_equals_pillow_at_every_level_and_sign(level, size):
    names = OP_LISTS["tf_tpu_16"]  # all but Identity
    draw_of = [(name, negative) for name in names for negative in ((0, 1) if name in SIGNED else (0,))]
    rgb = np.concatenate([IMAGES[size]] * len(draw_of))
    each = np.repeat(np.arange(len(draw_of)), len(IMAGES[size]))
    found = run(pack(rgb), size, [draw_of[i] for i in each], level, "tf_tpu_16")
    for image, which, result in zip(rgb, each, found, strict=True):
        name, negative = draw_of[which]
        marked = np.dstack([image, np.full(size, 255, np.uint8)])
        expected = policy_op(marked, name, signed(name, level, negative), ROW, COLUMN, FILL)
        np.testing.assert_array_equal(result, expected, err_msg=f"{name} {negative}")


@pytest.mark.parametrize("op_list", OP_LISTS)
def test_every_list_gives_its_ops_and_identity_is_one(op_list):
    size, names = (20, 27), OP_LISTS[op_list]
    found = run(pack(IMAGES[size][10 : 10 + len(names)]), size, [(name, 0) for name in names], 6, op_list)
    for image, name, result in zip(IMAGES[size][10:], names, found, strict=False):
        marked = np.dstack([image, np.full(size, 255, np.uint8)])
        np.testing.assert_array_equal(result, policy_op(marked, name, argument(name, 6), ROW, COLUMN, FILL))


def test_fillers_keep_their_mark_through_tone_ops_and_move_with_geometry():
    size, names = (32, 32), OP_LISTS["tf_tpu_16"]
    holed = hole(np.dstack([IMAGES[size][20], np.full(size, 255, np.uint8)]), 10, 12, 8, 0)
    words = np.repeat(np.ascontiguousarray(holed).view(np.int32)[None, ..., 0], len(names), axis=0)
    found = run(words, size, [(name, 0) for name in names], 7, "tf_tpu_16")
    for name, result in zip(names, found, strict=True):
        np.testing.assert_array_equal(result, policy_op(holed, name, argument(name, 7), ROW, COLUMN, FILL))
        if name not in SIGNED and name != "Cutout":
            np.testing.assert_array_equal(result[..., 3], holed[..., 3])
