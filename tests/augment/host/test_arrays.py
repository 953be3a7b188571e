import numpy as np
import pytest
import tensorflow as tf

from sbn.augment import draws
from sbn.augment.host.arrays import TENSORFLOW, merge, order, pack, split, unpack

ADDRESS = {"stage": 1, "epoch": 2, "view": 0, "draws": range(3, 9)}


@pytest.mark.parametrize("seed", [0, 5, 2**31 - 1, 2**31, 2**32 - 1])
def test_tensorflow_gives_the_same_words_units_and_integers(seed):
    ids = np.arange(1000)
    expected = draws.bits(seed, ids, **ADDRESS)
    found = draws.bits(seed, tf.constant(ids), library=TENSORFLOW, **ADDRESS)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(draws.unit(found, TENSORFLOW), draws.unit(expected))
    np.testing.assert_array_equal(draws.below(found, 33, TENSORFLOW), draws.below(expected, 33))


def test_an_address_may_be_tensors_in_a_graph():
    @tf.function
    def graph(seed, epoch, ids):
        return draws.bits(seed, ids, library=TENSORFLOW, **{**ADDRESS, "epoch": epoch})

    found = graph(tf.constant(2**31, tf.int64), tf.constant(7), tf.range(50))
    np.testing.assert_array_equal(found, draws.bits(2**31, range(50), **{**ADDRESS, "epoch": 7}))


def test_normals_agree_to_rounding():
    words = draws.bits(1, range(5000), **ADDRESS)
    found = draws.normal(tf.constant(words[:, 0]), tf.constant(words[:, 1]), TENSORFLOW)
    # float32 log, cos and sin differ by a few units in the last place (6e-8 of values up to 6)
    np.testing.assert_allclose(found, draws.normal(words[:, 0], words[:, 1]), atol=5e-6)


@pytest.mark.parametrize("count", [1, 7, 50_000])
def test_the_order_equals_numpys(count):
    for epoch in (0, tf.constant(3)):
        found = order(9, stage=1, epoch=epoch, count=count)
        assert found.dtype == tf.int64
        np.testing.assert_array_equal(found, draws.order(9, stage=1, epoch=int(epoch), count=count))


IMAGES = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)


def test_a_word_holds_red_lowest_and_the_mark_highest():
    words = pack(np.uint8([[[1, 2, 3]]])).numpy()
    assert words.astype(np.uint32).tolist() == [[0xFF030201]]


def test_unpack_undoes_pack():
    for images in (IMAGES, IMAGES[0], IMAGES[:0]):
        rgb, marked = unpack(pack(images))
        np.testing.assert_array_equal(rgb, images)
        assert marked.shape == images.shape[:-1]
        assert np.all(marked)
    _, marked = unpack(tf.zeros([2, 3, 3], tf.int32))
    assert not np.any(marked)


def test_planes_are_the_channels_and_merging_keeps_the_mark():
    words = tf.reshape(pack(IMAGES), [5, 24])
    fillers = tf.where(tf.range(24) % 3 == 0, 0, words)
    planes = split(words)
    np.testing.assert_array_equal(planes, IMAGES.reshape(5, 24, 3).transpose(0, 2, 1))
    np.testing.assert_array_equal(merge(planes, words), words)
    np.testing.assert_array_equal(merge(planes, fillers).numpy() >> 24, fillers.numpy() >> 24)
