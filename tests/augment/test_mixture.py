import numpy as np
import pytest

from sbn.augment import mixture
from sbn.augment.device.arrays import JAX
from tests import compiling
from tests.oracles import augmix


class Op:
    def __init__(self, width, alpha):
        self.width, self.alpha = width, alpha


def some_bits(width, alpha, count):
    shape = (count, mixture.draws_of_weights(width, alpha))
    return np.random.default_rng(0).integers(0, 2**32, shape, dtype=np.uint32)


@pytest.mark.parametrize(("width", "alpha"), [(1, 1), (3, 1), (3, 4), (16, 2)])
def test_weights_equal_float64_to_their_rounding(width, alpha):
    bits = some_bits(width, alpha, 500)
    found = np.stack(mixture.weights(bits, width=width, alpha=alpha), axis=1)
    shares = [augmix.weights(Op(width, alpha), row) for row in bits.astype(np.int64)]
    expected = mixture.ONE * np.stack([m * chain for chain, m in shares])
    # Half a count, and the logarithms': each is off by two units of 2**-21 at most (2**-18 of 32 draws), against sums
    # that are below 2**-3 in one image of 3,000, or of far more where more is added up.
    np.testing.assert_allclose(found, expected, atol=0.5 + 0.15)
    assert found.dtype == np.int32
    assert (found.sum(axis=1) <= mixture.ONE + width / 2).all()


@pytest.mark.parametrize(("width", "alpha"), [(1, 1), (3, 1), (16, 16)])
def test_every_library_gives_the_same_bits(width, alpha):
    bits = some_bits(width, alpha, 500)
    bits[0], bits[1], bits[2, :alpha], bits[3, -2 * alpha :] = 0, 2**32 - 1, 0, 2**32 - 1
    found = np.stack(mixture.weights(bits, width=width, alpha=alpha))
    assert not found[:, 0].any()  # nothing drawn: the image itself
    compiled = compiling.jit(lambda bits: mixture.weights(bits, width=width, alpha=alpha, library=JAX))
    np.testing.assert_array_equal(np.stack(compiled(bits)), found)
    tf = pytest.importorskip("tensorflow")
    from sbn.augment.host.arrays import TENSORFLOW

    other = mixture.weights(tf.constant(bits), width=width, alpha=alpha, library=TENSORFLOW)
    np.testing.assert_array_equal(np.stack(other), found)


def test_logarithms_are_right_for_every_draw_there_is():
    units = np.arange(2**24, dtype=np.uint32)
    for scale, every in ((21, 1), (15, 97)):
        found = mixture._minus_log(units[::every] << np.uint32(8), scale=scale, library=mixture.NUMPY)
        assert np.abs(found / 2.0**scale + np.log1p(units[::every] / -(2.0**24))).max() < 2 * 2.0**-scale
        assert (np.diff(found.astype(np.int64)) >= 0).all()


@pytest.mark.parametrize(("width", "alpha"), [(3, 1), (4, 2)])
def test_weights_have_the_moments_of_dirichlet_and_beta(width, alpha):
    count = 20_000
    chains = np.stack(mixture.weights(some_bits(width, alpha, count), width=width, alpha=alpha), axis=1) / mixture.ONE
    m = chains.sum(axis=1)
    share = chains[m > 0.1] / m[m > 0.1, None]  # which does not depend on m, but for rounding
    for found, mean, variance in (
        (m, 1 / 2, 1 / (4 * (2 * alpha + 1))),
        *((share[:, i], 1 / width, (width - 1) / (width**2 * (width * alpha + 1))) for i in range(width)),
    ):
        # five standard deviations of a mean; those of a variance are below twice its value over sqrt(count)
        assert abs(found.mean() - mean) < 5 * np.sqrt(variance / len(found))
        assert abs(found.var() - variance) < 5 * 2 * variance / np.sqrt(len(found))
    # m and the shares are independent
    assert abs(np.corrcoef(m[m > 0.1], share[:, 0])[0, 1]) < 5 / np.sqrt(len(share))
