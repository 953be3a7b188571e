"""The ops that resample, and windows, against Pillow and slices of the image."""

import numpy as np
import pytest
import tensorflow as tf

from sbn.augment.host.apply import make_apply
from sbn.augment.host.arrays import pack
from sbn.augment.pipeline import parse
from tests.oracles.image_ops import images, run

ADDRESS = {"seed": 2, "stage": 0, "epoch": 1, "view": 0}
SIZES = ((32, 32), (45, 31), (17, 60), (1, 9), (9, 1), (1, 1))


def some_images(size, count):
    """Of all 256 levels where there is room for them, and flat ones."""
    rng = np.random.default_rng(1)
    made = rng.integers(0, 256, (count, *size, 3), dtype=np.uint8)
    made[0], made[1], made[2] = 0, 255, 77
    made[3:6] = 255 * (made[3:6] > 127)
    return made


def check(text, rgb):
    pipeline, size = parse(text), rgb.shape[1:3]
    found = make_apply(pipeline, image_size=size)(pack(rgb), ids=range(len(rgb)), **ADDRESS)
    found = tf.bitcast(found, tf.uint8).numpy()
    for number, image in enumerate(rgb):
        np.testing.assert_array_equal(found[number], run(image, pipeline, identity=number, **ADDRESS))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("target", [1, 8, 31, 32, 70])
def test_resizing_and_inception_crops_equal_pillow_bit_for_bit(target, size):
    rgb = some_images(size, 40)
    check(f"resize({target})", rgb)
    check(f"inception_crop({target})", rgb)
    check(f"inception_crop({target}, area=(0.02, 1), ratio=(0.1, 9))", rgb)


@pytest.mark.parametrize("size", [(224, 300), (300, 224)])
def test_large_images_equal_pillow_too(size):
    rgb = some_images(size, 8)
    check("inception_crop(96)", rgb)
    check("resize(256)|centre_crop(224)", rgb)
    check("random_crop(224)|inception_crop(192, ratio=(0.3, 3))", rgb)


@pytest.mark.parametrize("size", [(40, 20), (20, 40)])
def test_shrinking_on_a_canvas_equals_pillow_for_tall_images_too(size):
    check("resize_and_pad(7)", some_images(size, 20))


@pytest.mark.parametrize("text", ["random_crop(9)|crop(4)", "centre_crop(8)|flip|crop(3)|random_crop(5)|crop(2)|flip"])
def test_what_a_crop_puts_outside_a_window_does_not_come_back_from_the_image_around_it(text):
    check(text, some_images((20, 27), 40))


def test_a_random_crop_reaches_every_window_alike_and_no_other():
    count, size = 21_000, (9, 7)
    place = np.arange(9 * 7, dtype=np.uint8).reshape(1, 9, 7, 1).repeat(3, axis=3)
    words = tf.repeat(pack(place), count, axis=0)
    found = make_apply(parse("random_crop(5)"), image_size=size)(words, ids=range(count), **ADDRESS)
    corners, counts = np.unique(found.numpy()[:, 0, 0] & 255, return_counts=True)
    assert corners.tolist() == [7 * row + column for row in range(5) for column in range(3)]
    # 15 windows, 1,400 each; beyond 5 standard deviations lies one good sampler of 10**5
    assert np.abs(counts - count / 15).max() < 5 * np.sqrt(count / 15)
    for corner in (0, 16, 30):
        chosen = found.numpy()[np.argmax((found.numpy()[:, 0, 0] & 255) == corner)]
        top, left = divmod(corner, 7)
        np.testing.assert_array_equal(chosen & 255, place[0, top : top + 5, left : left + 5, 0])


def test_views_that_share_draws_cut_the_same_window_wherever_it_stands():
    rgb = images((20, 27), 30)
    alone = make_apply(parse("random_crop(9)"), image_size=(20, 27))(pack(rgb), ids=range(30), **ADDRESS)
    after = make_apply(parse("flip(0)|random_crop(9)|cutout(4)"), image_size=(20, 27))
    shown = after(pack(rgb), ids=range(30), **ADDRESS).numpy()
    kept = shown != 0
    assert 0.5 < kept.mean() < 1
    np.testing.assert_array_equal(shown[kept], alone.numpy()[kept])


def test_windows_keep_fillers_and_resampling_makes_them_image():
    words = pack(images((16, 16), 20)).numpy()
    words[:, 4:12, 4:12] = 0
    for text, kept in (("centre_crop(8)", True), ("random_crop(8)", True), ("resize(9)", False)):
        found = make_apply(parse(text), image_size=(16, 16))(tf.constant(words), ids=range(20), **ADDRESS).numpy()
        assert np.any(found >> 24 == 0) == kept
    middle = make_apply(parse("centre_crop(8)"), image_size=(16, 16))(tf.constant(words), ids=range(20), **ADDRESS)
    np.testing.assert_array_equal(middle, np.zeros((20, 8, 8), np.int32))
