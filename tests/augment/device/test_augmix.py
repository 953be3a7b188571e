"""AugMix's chains against Pillow's, where a few values in a million may be a level apart, and its mixtures."""

import numpy as np
import pytest

from sbn.augment import draws, ops
from sbn.augment.device import augmix as device
from sbn.augment.device.augmix import Chains
from sbn.data.pixels import pack
from tests import compiling
from tests.oracles import augmix
from tests.oracles.image_ops import images

NAMES = augmix.NAMES + augmix.MORE
MOST = 2**24 - 1  # of a level's draw


def chains_of(op, size, bits, rgb):
    """(N, width, H, W, 3) uint8, compiled as a step compiles it."""
    found = np.asarray(compiling.jit(Chains(op, size).chains)(bits, pack(rgb).reshape(len(rgb), -1)))
    return found.view(np.uint8).reshape(len(rgb), op.width, *size, 4)[..., :3]


@pytest.mark.parametrize("size", [(20, 27), (1, 9)])
def test_every_op_is_pillows_at_its_levels_and_signs(size):
    apart = []
    op, rgb = ops.AugMix(severity=10, width=1, depth=1, all_ops=True), images(size, 24)
    units = [0, 1, *(round((level - 0.1) / 9.9 * MOST) for level in (1.0, 2.9, 5.0, 7.3, 9.9)), MOST]
    cases = [(name, unit, negative) for name in NAMES for unit in units for negative in (False, True)]
    words = [[0, -(-(NAMES.index(name) << 32) // 13), unit << 8, negative << 31] for name, unit, negative in cases]
    bits = np.repeat(np.array(words, np.uint32), len(rgb), axis=0)
    found = chains_of(op, size, bits, np.tile(rgb, (len(cases), 1, 1, 1))).reshape(len(cases), *rgb.shape)
    for (name, unit, negative), results in zip(cases, found, strict=True):
        level = 0.1 + 9.9 * (unit / 2**24)
        for image, result in zip(rgb, results, strict=True):
            expected = augmix.base_op(image, name, level, negative)
            difference = np.abs(result.astype(int) - expected)
            assert difference.max() <= 1, f"{name} {level} {negative}"
            apart.append(np.mean(difference))
    # Truncated values within 2**-16 levels of a whole one may fall to its other side. With odd sides many are whole.
    assert np.mean(apart) < 1e-4


def test_chains_equal_pillow_and_mixtures_those_of_real_numbers():
    size, op, count = (20, 27), ops.AugMix(severity=6.5, width=4, alpha=2), 60
    rgb = images(size, count, seed=2)
    bits = draws.bits(1, range(count), stage=0, epoch=0, view=0, draws=range(op.draws_needed(size)))
    mixed = np.asarray(compiling.jit(Chains(op, size))(bits, pack(rgb).reshape(count, -1) & 0xFFFFFF))
    found = mixed.view(np.uint8).reshape(count, *size, 4)
    assert (found[..., 3] == 255).all()  # fillers went in
    chains = chains_of(op, size, bits[:, op.alpha * (op.width + 2) :], rgb)
    for number, (image, drawn) in enumerate(zip(rgb, bits.astype(np.int64), strict=True)):
        difference = np.abs(chains[number].astype(int) - augmix.chains(image, op, drawn[op.alpha * (op.width + 2) :]))
        assert np.mean(difference > 0) < 1e-3
        # rounding to a byte, 1/2, and weights of 16 bits: width + 1 roundings of at most 255 / 2**17 each
        bound = 0.5 + 255 * (op.width + 1) / 2**17 + 1e-3
        assert np.abs(found[number, ..., :3] - augmix.mixture(image, op, drawn)).max() <= bound + difference.max()


@pytest.mark.parametrize("severity", [0.1, 3.0, 10.0])
@pytest.mark.parametrize("maximum", [4, 30, 256, 27 / 3, 32 / 3, 224 / 3])
def test_whole_arguments_change_at_the_same_draws_as_in_float64(severity, maximum):
    steps = device._steps(severity, maximum).astype(np.int64)
    near = np.unique(np.clip(np.concatenate([[0, MOST], *(steps + k for k in (-2, -1, 0, 1))]), 0, MOST))
    for unit in near.tolist():
        expected = int((0.1 + (severity - 0.1) * (unit / 2**24)) * maximum / 10)
        assert (unit >= steps).sum() == expected
