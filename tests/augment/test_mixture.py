import numpy as np
import pytest
import tensorflow as tf

from sbn.augment import mixture
from sbn.augment.host.words import TENSORFLOW
from tests.oracles import augmix


class Op:
    def __init__(self, width, alpha):
        self.width, self.alpha = width, alpha


def some_bits(width, alpha, count):
    shape = (count, mixture.draws_of_weights(width, alpha))
    return np.random.default_rng(0).integers(0, 2**32, shape, dtype=np.uint32)


@pytest.mark.parametrize(("width", "alpha"), [(1, 1), (3, 1), (3, 4), (16, 2)])
def test_weights_equal_float64_to_their_rounding_on_both_libraries(width, alpha):
    bits = some_bits(width, alpha, 500)
    found = np.stack(mixture.weights(bits, width=width, alpha=alpha), axis=1)
    shares = [augmix.weights(Op(width, alpha), row) for row in bits.astype(np.int64)]
    expected = mixture.ONE * np.stack([m * chain for chain, m in shares])
    # half a count, and float32's relative error of some 2**-22 in the log, the sums and two divisions
    np.testing.assert_allclose(found, expected, atol=0.5 + 2**-22 * mixture.ONE)
    assert found.dtype == np.float32
    assert (found == np.rint(found)).all()
    assert (found.sum(axis=1) <= mixture.ONE + width / 2).all()
    # libraries differ where their logs do and the count lies at a tie
    other = np.stack(mixture.weights(tf.constant(bits), width=width, alpha=alpha, words=TENSORFLOW), axis=1)
    assert np.abs(found - other).max() <= 1
    assert np.mean(found != other) < 0.01


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
