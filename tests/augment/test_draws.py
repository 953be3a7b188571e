"""Statistical bounds are 5 standard deviations of the statistic under true randomness unless said otherwise: the hash
is fixed, so the tests can't flicker, and a good hash fails one in 2 million such checks."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from sbn.augment import draws
from tests import compiling

ADDRESS = {"stage": 1, "epoch": 2, "view": 0}


def bits(seed=3, ids=range(1000), *, which=range(4), library=draws.NUMPY, **changes):
    return draws.bits(seed, ids, draws=which, library=library, **{**ADDRESS, **changes})


def slow_bits(seed, identity, stage, epoch, view, draw):
    """The definition in Python's own integers."""
    mask = 0xFFFFFFFF

    def mix(x):
        x = ((x ^ x >> 16) * 0x7FEB352D) & mask
        x = ((x ^ x >> 15) * 0x846CA68B) & mask
        return x ^ x >> 16

    a, b = 0x9E3779B9, 0x3C6EF372
    for part in (seed, stage, epoch, view):
        a, b = mix((a + part) & mask), mix(((b ^ part) + 0x85EBCA6B) & mask)
    return mix(mix(identity ^ a) ^ mix(draw ^ b))


def test_bits_equal_the_definition_in_exact_integers():
    seeds, ids = (0, 7, 2**31, 2**32 - 1), [0, 1, 49_999, 2**32 - 1]
    for seed in seeds:
        got = draws.bits(seed, ids, stage=2, epoch=299, view=1, draws=range(5, 9))
        expected = [[slow_bits(seed, i, 2, 299, 1, d) for d in range(5, 9)] for i in ids]
        assert got.dtype == np.uint32
        np.testing.assert_array_equal(got, expected)


def test_jax_gives_the_same_words_and_units_also_when_compiled():
    library = draws.make_library(jnp)
    expected = bits(seed=2**31)

    @compiling.jit
    def compiled(epoch, ids):
        found = bits(seed=2**31, ids=ids, epoch=epoch, library=library)
        return found, draws.unit(found, library), draws.below(found, 224, library), draws.normal(found, found, library)

    found, unit, below, normal = compiled(ADDRESS["epoch"], jnp.arange(1000))
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(unit, draws.unit(expected))
    np.testing.assert_array_equal(below, draws.below(expected, 224))
    # XLA's and NumPy's float32 log, cos and sin differ by a few units in the last place (6e-8 of values up to 6)
    np.testing.assert_allclose(normal, draws.normal(expected, expected), atol=5e-6)


def test_a_draw_does_not_depend_on_what_else_is_drawn():
    whole = bits()
    np.testing.assert_array_equal(bits(ids=[17, 3], which=range(2, 3)), whole[[17, 3], 2:3])


def test_every_part_of_the_address_matters():
    base = bits(which=range(50))
    for change in ({"seed": 4}, {"seed": 2**31}, {"stage": 2}, {"epoch": 3}, {"view": 1}, {"ids": range(1000, 2000)}):
        # of 50,000 pairs of words about 1e-5 agree by chance
        assert np.sum(bits(which=range(50), **change) == base) <= 1


def test_parts_of_the_address_are_not_interchangeable():
    swaps = [
        {"seed": a, "stage": b, "epoch": c, "view": d}
        for a, b, c, d in np.random.default_rng(0).permuted(np.tile([0, 1, 2, 3], (24, 1)), axis=1)
    ]
    different = {tuple(s.values()): bits(**{k: int(v) for k, v in s.items()}).tobytes() for s in swaps}
    assert len(set(different.values())) == len(different) > 10


def test_two_ids_never_share_a_word():
    assert len(np.unique(bits(ids=range(300_000), which=range(1)))) == 300_000


def test_all_bytes_are_uniform():
    for change in ({}, {"seed": 0, "stage": 0, "epoch": 0, "view": 0}, {"epoch": 299}):
        words = bits(ids=range(20_000), which=range(8), **change)
        for shift in (0, 8, 16, 24):
            counts = np.bincount((words >> shift & 255).ravel(), minlength=256)
            # two-sided: too even is as wrong as too uneven
            p = stats.chisquare(counts).pvalue
            assert 1e-6 < p < 1 - 1e-6


def test_flipping_one_input_bit_flips_each_output_bit_half_of_the_time():
    ids = np.random.default_rng(1).integers(0, 2**32, 20_000, dtype=np.uint32)
    base = bits(ids=ids, which=range(1))[:, 0]
    for bit in range(32):
        flipped = base ^ bits(ids=ids ^ np.uint32(1 << bit), which=range(1))[:, 0]
        rates = [np.mean(flipped >> out & 1) for out in range(32)]
        # 5 sigma of a fair coin over 20,000 throws is 0.018
        assert np.abs(np.array(rates) - 0.5).max() < 5 * 0.5 / np.sqrt(20_000)


@pytest.mark.parametrize("bit", range(32))
def test_flipping_one_bit_of_the_seed_changes_half_of_all_bits(bit):
    flipped = bits(seed=5) ^ bits(seed=5 ^ 1 << bit)
    # 4,000 words of 32 fair coins
    assert abs(np.mean(np.unpackbits(flipped.view(np.uint8))) - 0.5) < 5 * 0.5 / np.sqrt(flipped.size * 32)


def correlation(a, b):
    return np.corrcoef(a.ravel().astype(np.float64), b.ravel().astype(np.float64))[0, 1]


@pytest.mark.parametrize("part", ["seed", "stage", "epoch", "view", "id", "draw"])
def test_neighbouring_streams_are_uncorrelated(part):
    count = 50_000
    for start in (0, 1, 100):
        for step in (1, 2, 256):
            if part in ("seed", "stage", "epoch", "view"):
                a, b = (bits(ids=range(count), which=range(1), **{part: start + k}) for k in (0, step))
            elif part == "id":
                a, b = (bits(ids=range(start + k, start + k + count), which=range(1)) for k in (0, step))
            else:
                a, b = (bits(ids=range(count), which=range(start + k, start + k + 1)) for k in (0, step))
            # r of independent samples has standard deviation 1/sqrt(count)
            assert abs(correlation(a, b)) < 5 / np.sqrt(count)


def test_units_are_24_bit_numbers_in_0_to_1():
    edges = np.array([0, 255, 256, 2**32 - 1], np.uint32)
    np.testing.assert_array_equal(draws.unit(edges), np.float32([0, 0, 2**-24, 1 - 2**-24]))
    assert draws.unit(edges).dtype == np.float32


@pytest.mark.parametrize("n", [1, 2, 9, 32, 224, 65_536])
def test_below_is_the_exact_product(n):
    edges = [0, 1, 2**16 - 1, 2**16, 2**31, 2**32 - 1]
    words = np.array([*edges, *bits().ravel()], np.uint32)
    np.testing.assert_array_equal(draws.below(words, n), words.astype(object) * n // 2**32)


def test_below_refuses_what_it_cannot_hold():
    for n in (0, 65_537):
        with pytest.raises(ValueError, match=str(n)):
            draws.below(np.uint32([1]), n)


def test_normals_are_normal_and_independent():
    words = bits(ids=range(50_000), which=range(2))
    first, second = draws.normal_pair(words[:, 0], words[:, 1])
    for sample in (first, second):
        assert sample.dtype == np.float32
        assert stats.kstest(sample, "norm").pvalue > 1e-6
    assert abs(correlation(first, second)) < 5 / np.sqrt(50_000)
    assert abs(correlation(first**2, second**2)) < 5 / np.sqrt(50_000)
    worst = np.uint32([2**32 - 1])
    assert np.abs(draws.normal(worst, np.uint32([0]))) == pytest.approx(np.sqrt(2 * 24 * np.log(2)), rel=1e-6)


def test_an_order_is_a_permutation_of_its_own():
    first = draws.order(0, stage=0, epoch=0, count=50_000)
    np.testing.assert_array_equal(np.sort(first), np.arange(50_000))
    assert not np.array_equal(first, draws.order(1, stage=0, epoch=0, count=50_000))
    assert not np.array_equal(first, draws.order(0, stage=1, epoch=0, count=50_000))
    assert draws.order(0, stage=0, epoch=0, count=1).tolist() == [0]


def test_orders_of_all_epochs_are_uncorrelated():
    orders = [draws.order(7, stage=0, epoch=epoch, count=50_000) for epoch in range(20)]
    r = np.corrcoef(orders) - np.eye(20)
    # 190 pairs with standard deviation 0.0045 each; 0.02 is 4.5 of them
    assert np.abs(r).max() < 0.02
    assert max(abs(correlation(order, np.arange(50_000))) for order in orders) < 0.02


def test_seeds_up_to_2_to_31_give_different_streams():
    seeds = [*range(2000), *(2**k + d for k in range(11, 31) for d in (-1, 0, 1)), 2**31 - 1, 2**31]
    streams = {bits(seed=seed, ids=range(4)).tobytes() for seed in seeds}
    assert len(streams) == len(set(seeds))
