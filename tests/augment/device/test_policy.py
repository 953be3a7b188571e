"""Every entry of every policy on images that reach its special cases, compiled as a step compiles it.

A tables takes any list of entries, so those of all policies go through one program a shape and fill.
"""

import functools

import jax
import numpy as np
import pytest

from sbn.augment import ops, policy_draws
from sbn.augment.device.policy import PolicyTables
from sbn.augment.geometry import OUTSIDE, source_map, tf_source_map
from sbn.augment.levels import LEVELS, TF_RANDAUGMENT, argument
from sbn.augment.policies import GEOMETRY, SIGNED, SUBPOLICIES
from sbn.augment.policy_draws import Entry
from sbn.data.pixels import pack
from tests import compiling
from tests.oracles import tf_golden
from tests.oracles.image_ops import hole, images, policy_op
from tests.oracles.policies import transparent_op

MAGNITUDES = (0, 1, 2, 3.7, 4, 5, 7, 9, 10, 14, 17, 28, 30)  # RandAugment's may be any number
TRIVIAL = policy_draws.of_trivialaugment()


def entries_of(semantics):
    """The entries of all policies, RandAugment's at many magnitudes."""
    table = LEVELS if semantics == "pillow" else TF_RANDAUGMENT
    made = [Entry(name, argument(name, level, table=table)) for name in LEVELS for level in MAGNITUDES]
    for policy in SUBPOLICIES:
        made += policy_draws.of_autoaugment(ops.AutoAugment(policy, semantics=semantics), (32, 32))[0]
    return tuple(dict.fromkeys(made + list(TRIVIAL if semantics == "pillow" else ())))


def cases_of(table):
    """(entry, number, negative) for each entry and sign."""
    return [(entry, i, sign) for i, entry in enumerate(table) for sign in ((0, 1) if entry.name in SIGNED else (0,))]


def word_for(choice, choices):
    """A draw that makes `below(draw, choices)` the given choice."""
    return -(-(choice << 32) // choices)


def batch_of(cases, rgbx, centre):
    """Every case on every image: what a tables is called with."""
    count, size = len(rgbx), rgbx.shape[1:3]
    drawn = np.repeat(np.array([number for _, number, _ in cases], np.int32), count)
    bits = [[sign << 31, *map(word_for, centre, size)] for _, _, sign in cases]
    words = np.tile(rgbx.view(np.int32).reshape(count, -1), (len(cases), 1))
    return words, drawn, np.repeat(np.array(bits, np.uint32), count, axis=0)


def run(tables, cases, rgbx, centre):
    """Every case on every image: (cases, *rgbx.shape) uint8 RGBX, by one compiled program."""
    found = compiling.jit(tables)(*batch_of(cases, rgbx, centre))
    return np.asarray(found).view(np.uint8).reshape(len(cases), *rgbx.shape)


def with_mark(rgb):
    return np.ascontiguousarray(pack(rgb)).view(np.uint8).reshape(*rgb.shape[:3], 4)


def signed(entry, negative):
    return -entry.argument if negative else entry.argument


def marked_images(size, count):
    """(count, H, W, 4) uint8 RGBX; the last two have holes of fillers, one of them coloured."""
    rgbx = with_mark(images(size, count))
    rgbx[-2] = hole(rgbx[-2], size[0] // 2, size[1] // 3, 6, 0)
    rgbx[-1] = hole(rgbx[-1], size[0] // 3, size[1] // 2, 4, (200, 3, 90, 0))
    return rgbx


def cases_by_size(*sizes):
    """Grey fillers at every size, the image's mean colour at the first; at the others that is slow."""
    grey = [(size, 41) for size in sizes]
    return [*grey, (sizes[0], "mean"), *(pytest.param(size, "mean", marks=pytest.mark.slow) for size in sizes[1:])]


@pytest.mark.parametrize(
    ("size", "fill"),
    [
        *cases_by_size((20, 27), (1, 9)),
        *(pytest.param(size, 41, marks=pytest.mark.slow) for size in ((16, 16), (8, 1), (2, 5))),
    ],
)
def test_every_entry_equals_pillow(size, fill):
    table, centre = entries_of("pillow"), (size[0] // 2, size[1] // 4)
    rgbx = marked_images(size, 16)
    cases = cases_of(table)
    found = run(PolicyTables(table, image_size=size, fill=fill), cases, rgbx, centre)
    for (entry, _, negative), results in zip(cases, found, strict=True):
        # Pillow's RGBA is black where it is transparent: the coloured filler is for grey fills alone
        for image, result in zip(rgbx[:-1] if fill == "mean" else rgbx, results, strict=False):
            value = signed(entry, negative)
            if fill == "mean" and entry.name != "SolarizeAdd":  # which Pillow lacks, so that its code does
                expected = transparent_op(image, entry.name, value, *centre)
            else:
                expected = policy_op(image, entry.name, value, *centre, fill)
            np.testing.assert_array_equal(result, expected, err_msg=f"{entry} {negative}")


@functools.cache
def _golden_results():
    """Results by case of the TensorFlow ops on their golden image."""
    table = [Entry(name, value and abs(value)) for name, value, _ in tf_golden.GOLDEN]
    cases = [(entry, i, int((tf_golden.GOLDEN[i][1] or 0) < 0)) for i, entry in enumerate(table)]
    tables = PolicyTables(table, image_size=(16, 16), fill=128, semantics="tf")
    return run(tables, cases, with_mark(tf_golden.image()[None]), (3, 5))[:, 0]


@pytest.mark.parametrize("number", range(len(tf_golden.GOLDEN)))
def test_golden_digests_of_tensorflows_ops(number):
    assert tf_golden.digest(_golden_results()[number, ..., :3]) == tf_golden.GOLDEN[number][2]


@pytest.mark.parametrize(("size", "fill"), cases_by_size((20, 27), (16, 16), (1, 9)))
def test_every_entry_of_tensorflows_semantics_is_the_host_paths(size, fill):
    tf = pytest.importorskip("tensorflow")
    from sbn.augment.host.policy import PolicyTables as HostCatalogue

    table, centre = entries_of("tf"), (size[0] // 2, size[1] // 4)
    rgbx, cases = marked_images(size, 40), cases_of(table)
    found = run(PolicyTables(table, image_size=size, fill=fill, semantics="tf"), cases, rgbx, centre)
    host = HostCatalogue(table, image_size=size, fill=fill, semantics="tf")
    expected = host(*map(tf.constant, batch_of(cases, rgbx, centre))).numpy().view(np.uint8).reshape(found.shape)
    for case, ours, theirs in zip(cases, found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=str(case))


@pytest.mark.parametrize("semantics", ["pillow", "tf"])
def test_large_images_need_no_maps_and_move_as_small_ones_do(semantics):
    """At 224 a map an entry and sign would take 62 MB for TrivialAugment."""
    size = (224, 160)
    table = TRIVIAL if semantics == "pillow" else policy_draws.of_autoaugment(ops.AutoAugment("imagenet_v0"), size)[0]
    tables = PolicyTables(table, image_size=size, fill=0, semantics=semantics)
    constants = [*tables.tones, *tables.positions]
    assert sum(part.nbytes for part in constants) < 2_000_000
    number = np.arange(size[0] * size[1]).reshape(size)
    image = with_mark(np.dstack([number % 256, number // 256, number * 0 + 77]).astype(np.uint8)[None])
    make_map = {"pillow": source_map, "tf": tf_source_map}[semantics]
    moving = [case for case in cases_of(table) if case[0].name in GEOMETRY][::7]
    for (entry, _, negative), found in zip(moving, run(tables, moving, image, (0, 0))[:, 0], strict=True):
        sources = make_map(entry.name, signed(entry, negative), image_size=size)
        expected = np.where((sources == OUTSIDE)[:, None], [0, 0, 0, 255], image.reshape(-1, 4)[sources])
        np.testing.assert_array_equal(found.reshape(-1, 4), expected)


def test_an_image_s_entry_does_not_depend_on_its_neighbours():
    size, table = (20, 27), entries_of("pillow")
    words = marked_images(size, 4)[-4:].view(np.int32).reshape(4, -1)
    tables = compiling.jit(PolicyTables(table, image_size=size, fill="mean"))
    rng = np.random.default_rng(0)
    drawn, bits = rng.integers(0, len(table), 64, np.int32), rng.integers(0, 2**32, (64, 3), np.uint32)
    words = np.tile(words, (16, 1))
    whole = np.asarray(tables(words, drawn, bits))
    order = rng.permutation(64)
    np.testing.assert_array_equal(tables(words[order], drawn[order], bits[order]), whole[order])
    for repeated in (0, 17):
        alone = tables(*(np.repeat(part[repeated][None], 64, axis=0) for part in (words, drawn, bits)))
        np.testing.assert_array_equal(alone, np.repeat(whole[repeated][None], 64, axis=0))


def test_what_no_entry_needs_is_not_computed():
    size, words = (8, 8), np.zeros((2, 64), np.int32)
    arguments = (words, np.zeros(2, np.int32), np.zeros((2, 3), np.uint32))

    def program(*names):
        table = [Entry(name, argument(name, 5)) for name in names]
        return str(jax.make_jaxpr(PolicyTables(table, image_size=size, fill=3))(*arguments))

    assert "scatter" in program("Equalize", "Invert")  # the histogram
    assert "scatter" not in program("Invert", "Rotate")
    assert "[2,3,64]" in program("Invert", "Rotate")  # planes of channels
    assert "[2,3,64]" not in program("Identity", "Rotate", "Cutout")
