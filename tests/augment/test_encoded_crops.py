"""Crops of images of different sizes are the windows that the ops for images of one size cut out."""

import jax.numpy as jnp
import numpy as np
import pytest

from sbn.augment import draws
from sbn.augment.device.apply import make_apply
from sbn.augment.encoded_crops import check_crop, crop_windows, move_boxes, original_boxes, split_crop
from sbn.augment.inception import draw_windows
from sbn.augment.pipeline import draw_addresses, format, parse
from tests.oracles.boxes import some

# A panorama and a pillar, where no window of the usual ratios may fit, and one pixel
SIZES = np.array([(375, 500), (500, 375), (40, 900), (900, 41), (64, 64), (333, 334), (1, 1), (2, 7)], np.int32)


def bits_of(op, ids):
    return draws.bits(3, ids, stage=0, epoch=1, view=1, draws=draw_addresses((op,), (8, 8))[0])


def windows_of(text, sizes=SIZES):
    crop = split_crop(parse(text))
    return crop, crop_windows(crop, bits_of(crop.cut, np.arange(len(sizes))), sizes)


@pytest.mark.parametrize("text", ["inception_crop(48)", "inception_crop(32, area=(0.5, 1), ratio=(2, 3))"])
def test_inception_windows_are_those_of_images_of_that_size(text):
    sizes = np.repeat(SIZES, 200, axis=0)
    crop, windows = windows_of(text, sizes)
    bits = bits_of(crop.cut, np.arange(len(sizes)))
    for size in SIZES:
        here = (sizes == size).all(axis=1)
        alone = draw_windows(crop.cut, bits[here], image_size=(int(size[0]), int(size[1])))
        np.testing.assert_array_equal(np.concatenate([windows.corner, windows.shape], 1)[here], np.stack(alone, 1))
    assert (windows.scaled == crop.size).all()
    assert (windows.kept == 0).all()
    assert windows.shape.dtype == np.int32


@pytest.mark.parametrize("text", ["inception_crop(48)", "inception_crop(9, ratio=(3, 4))", "random_crop(1)"])
def test_windows_lie_inside_their_images(text):
    sizes = np.repeat(SIZES, 100, axis=0)
    _, windows = windows_of(text, sizes)
    assert (windows.corner >= 0).all()
    assert (windows.shape >= 1).all()
    assert (windows.corner + windows.shape <= sizes).all()


def test_resize_and_centre_crop_scale_the_whole_and_keep_the_middle():
    _, windows = windows_of("resize(256)|centre_crop(224)")
    assert (windows.corner == 0).all()
    np.testing.assert_array_equal(windows.shape, SIZES)
    assert (windows.scaled.min(axis=1) == 256).all()
    expected = [(256, 341), (341, 256), (256, 5760), (5619, 256), (256, 256), (256, 256), (256, 256), (256, 896)]
    np.testing.assert_array_equal(windows.scaled, expected)  # floor(256 * longer / shorter), worked out by hand
    np.testing.assert_array_equal(windows.kept, (np.array(expected) - 224) // 2)


def test_random_crop_reaches_every_place_and_no_other():
    sizes = np.tile([[9, 12]], (4000, 1)).astype(np.int32)
    _, windows = windows_of("random_crop(8)", sizes)
    assert {tuple(corner) for corner in windows.corner} == {(row, column) for row in range(2) for column in range(5)}
    _, scaled = windows_of("resize(9)|random_crop(8)", sizes)
    np.testing.assert_array_equal(scaled.kept, windows.corner)  # the same draws, after the resize


def test_what_follows_the_frame_is_left_for_images_of_one_size():
    crop = split_crop(parse("resize(64)|random_crop(48)|flip|resize(32)|mixup(1)"))
    assert (crop.resize.size, crop.size, format(crop.rest)) == (64, (48, 48), "flip|resize(32)|mixup")
    assert check_crop(parse("resize(64)|random_crop(48)|flip|resize(32)"), least=1) == (32, 32)
    assert check_crop(parse("centre_crop(30)|centre_crop(20)"), least=30) == (20, 20)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["differ in size", "inception_crop(size)"]),
        ("flip|inception_crop(8)", ["differ in size"]),
        ("resize(64)", ["differ in size", "centre_crop(size)"]),
        ("resize(64)|resize(32)|centre_crop(8)", ["differ in size"]),
        ("resize(64)|inception_crop(32)", ["differ in size"]),
        ("random_crop(51)", ["random_crop(size) is 51", "a side of 50"]),
        ("resize(40)|centre_crop(41)", ["centre_crop(size) is 41", "resize(40)"]),
        ("inception_crop(32)|inception_crop(16)", ["inception_crop", "twice"]),
        ("inception_crop(32)|crop(40, fill='reflect')", ["crop(pad) is 40", "32 x 32"]),
    ],
)
def test_pipelines_that_leave_images_different_are_refused_in_one_line(text, words):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        check_crop(parse(text), least=50)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "inception_crop(24)",
        "resize(33)|random_crop(20)",
        *(pytest.param(text, marks=pytest.mark.slow) for text in ("random_crop(13)", "resize(16)|centre_crop(13)")),
    ],
)
def test_boxes_go_where_they_go_when_all_images_have_one_size(text):
    size, count = (20, 27), 24
    boxes, ids = some(count, 4, size), np.arange(count)
    crop = split_crop(parse(text))
    windows = crop_windows(crop, bits_of(crop.cut, ids), np.tile(size, (count, 1)))
    for least in (0.0, 0.4):
        apply = make_apply(parse(text), image_size=size, least_box=least)
        _, expected = apply(
            jnp.zeros((count, *size), jnp.int32), ids=ids, boxes=boxes, seed=3, stage=0, epoch=1, view=1
        )
        np.testing.assert_array_equal(move_boxes(crop, windows, boxes, least=least), expected)
        assert np.any(expected)


@pytest.mark.parametrize("text", ["fit(24, 40, 8, turned=True)", "fit(24, 40)", "resize(30)|centre_crop(24)"])
def test_boxes_go_back_to_the_pixels_of_the_file(text):
    crop, sizes = split_crop(parse(text)), np.array([(40, 60), (60, 40), (33, 71), (90, 30)])
    middle = np.concatenate([sizes / 2 - 4, sizes / 2 + 3], axis=1)[:, None].astype(np.float32)
    windows = crop_windows(crop, np.zeros((4, 0), np.uint32), sizes)
    there = move_boxes(crop, windows, middle)
    np.testing.assert_allclose(original_boxes(crop, there, sizes), middle, atol=0.02)  # boxes are counted in 1/256
    whole = np.concatenate([0 * sizes, sizes], axis=1)[:, None].astype(np.float32)
    cut_off = np.tile(sizes, 2)[:, None]
    assert (original_boxes(crop, whole + 100, sizes) <= cut_off).all()
