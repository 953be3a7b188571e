import numpy as np
import tensorflow as tf

from sbn.augment.host.packing import merge, pack, split, unpack

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
