"""What the Pillow pipelines hand out; nothing here is timed."""

import itertools

import numpy as np
from PIL import ImageOps

from benchmarks import augment_pillow


def test_every_image_comes_once_an_epoch_with_its_strong_half():
    images = np.arange(12, dtype=np.uint8)[:, None, None, None] + np.zeros((12, 16, 16, 3), np.uint8)
    batches = augment_pillow.batches(images, ImageOps.invert, 4)
    epochs = []
    for _ in range(2):
        weak, strong = (np.concatenate(half) for half in zip(*itertools.islice(batches, 3), strict=True))
        np.testing.assert_array_equal(strong, 255 - weak)
        epochs.append(weak[:, 0, 0, 0].tolist())
        assert (weak == weak[:, :1, :1, :1]).all()
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(12))
    assert epochs[0] != epochs[1]


def test_images_of_cifar_are_cut_out_of_a_border_and_have_a_hole():
    images = np.full((8, 32, 32, 3), 200, np.uint8)
    weak, strong = next(augment_pillow.batches(images, augment_pillow.randaugment(2), 8))
    black = (weak == 0).all(-1)
    assert weak.shape == strong.shape == images.shape
    assert set(np.unique(weak)) == {0, 200}
    assert ((black.sum((1, 2)) >= 64) & (black.sum((1, 2)) <= 256 + 4 * 64)).all()  # a corner of the hole at least
    assert not np.array_equal(weak, strong)
