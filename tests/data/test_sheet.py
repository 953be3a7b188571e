import dataclasses

import numpy as np
import pytest
from PIL import Image

from sbn.augment.pipeline import parse
from sbn.config.errors import ConfigError
from sbn.data import pixels, sources
from sbn.data.host import batches
from sbn.data.sheet import Pictures, draw, first_images, lay_out, outlined, show_colours, write
from sbn.data.views import View
from sbn.figures.class_colours import class_colours, coloured


@pytest.fixture
def examples(tiny):
    return sources.load(tiny({"data.train_examples": 8, "data.image_size": 16}).data, "train")


@pytest.fixture
def source(examples):
    return Pictures(examples.images)


def test_a_sheet_shows_what_a_run_with_this_seed_trains_on(examples, source):
    pipeline = parse("randaugment(2, 9)|crop(4)|flip|cutout(6)")
    shown = draw(source, pipeline, draws=2, seed=7)
    assert shown.shape == (8, 3, 16, 16, 3)
    np.testing.assert_array_equal(shown[:, 0], source.images)
    views = [View(pipeline, draws=0)]
    trained = batches(examples, views, seed=7, stage=0, batch_size=8, start=0, stop=2)
    for epoch, (batch, numbers) in enumerate(trained):
        assert numbers["epoch"] == epoch
        found = shown[batch["id"], 1 + epoch]
        np.testing.assert_array_equal(found, show_colours(batch["inputs"]["image"][:, 0], source.mean))


def test_fillers_have_the_mean_colour(source):
    mean = (0.1, 0.5, 0.9)
    shown = draw(dataclasses.replace(source, mean=mean), parse("cutout(40)"), draws=1, seed=0)
    # a hole of 40 covers an image of 16 wherever its centre is
    np.testing.assert_array_equal(shown[:, 1], np.broadcast_to(np.uint8([26, 128, 230]), (8, 16, 16, 3)))
    black = pixels.pack(np.zeros((1, 2, 2, 3), np.uint8))
    assert not show_colours(black, mean).any()  # a black image pixel is no filler


def test_images_are_enlarged_by_whole_factors_and_keep_their_places():
    images = np.arange(2 * 3, dtype=np.uint8).reshape(2, 3, 1, 1, 1) * np.ones((48, 48, 3), np.uint8)
    picture = lay_out(images)
    assert picture.shape == (2 * 2 * 50, 2 * (3 * 50 + 4), 3)
    for row in range(2):
        for column, left in enumerate((0, 54, 104)):
            tile = picture[100 * row : 100 * row + 96, 2 * left : 2 * left + 96]
            np.testing.assert_array_equal(tile, 3 * row + column)


def test_smaller_and_larger_images_stand_in_the_upper_left_corner_on_white(source):
    shown = draw(source, parse("centre_crop(8)"), draws=1, seed=0)
    np.testing.assert_array_equal(shown[:, 1, :8, :8], source.images[:, 4:12, 4:12])
    assert np.all(shown[:, 1, 8:] == 255)
    assert np.all(shown[:, 1, :, 8:] == 255)
    shown = draw(source, parse("resize(20)"), draws=1, seed=0)
    np.testing.assert_array_equal(shown[:, 0, :16, :16], source.images)
    assert shown.shape == (8, 2, 20, 20, 3)


def test_boxes_are_drawn_where_the_images_have_moved_them(examples):
    boxes = examples.load(np.arange(8))["boxes"]
    source = Pictures(np.zeros_like(examples.images), boxes=boxes)
    shown = draw(source, parse("flip(1)"), draws=1, seed=0)
    red = (shown == [255, 0, 0]).all(-1)
    np.testing.assert_array_equal(red[:, 1], red[:, 0, :, ::-1])
    for found, (top, left, bottom, right) in zip(red[:, 0], boxes[:, 0].astype(int), strict=True):
        assert found.sum() == 2 * (bottom - top + right - left) - 4
        assert found[top, left:right].all()
        assert found[top:bottom, right - 1].all()
    none = outlined(source.images, np.zeros((8, 2, 4), np.float32))
    np.testing.assert_array_equal(none, source.images)


def test_classes_of_pixels_are_drawn_where_the_images_have_moved_them(examples):
    masks = examples.load(np.arange(8))["mask"].copy()
    masks[:, :3] = 255  # no class
    source = Pictures(np.zeros_like(examples.images), masks=masks, classes=11)
    shown = draw(source, parse("flip(1)"), draws=1, seed=0)
    np.testing.assert_array_equal(shown[:, 1], shown[:, 0, :, ::-1])
    np.testing.assert_array_equal(shown[:, 0], np.where(masks[..., None] < 11, coloured(masks, 11) // 2, 0))
    assert len(np.unique(class_colours(11), axis=0)) == 11


def test_a_data_set_without_masks_says_so(tmp_path):
    path = str(tmp_path / "plain.npz")
    images, labels = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), np.uint8), np.arange(4) % 2
    np.savez(path, train_images=images, train_labels=labels, test_images=images, test_labels=labels)
    with pytest.raises(ConfigError, match=r"--masks: the data set .* has no masks"):
        first_images(path, data_dir=None, count=1, masks=True)


def test_boxes_have_the_colour_of_their_class():
    boxes = np.asarray([[[1, 1, 5, 5], [6, 6, 12, 12]]], np.float32)
    shown = outlined(np.zeros((1, 16, 16, 3), np.uint8), boxes, np.asarray([[1, 0]]))
    np.testing.assert_array_equal([shown[0, 6, 6], shown[0, 1, 1]], class_colours(2))


def test_every_class_has_its_colour_beside_its_name_below_the_pictures(tmp_path):
    """In as many lines as the width asks for."""
    heights = {}
    for count in (2, 19):
        write(
            {"one": np.zeros((10, 150, 3), np.uint8)},
            tmp_path / "sheet.png",
            names=[f"class {k}" for k in range(count)],
        )
        below = np.asarray(Image.open(tmp_path / "sheet.png"))[8 + 16 + 10 : -8]  # between margins of 8
        heights[count] = len(below)
        for colour in class_colours(count):
            assert (below == colour).all(axis=-1).sum() == 81
    assert heights[2] == 16
    assert heights[19] >= 3 * 16


def test_classes_of_masks_are_named(tmp_path):
    assert len(first_images("shapes", data_dir=None, count=2, masks=True).names) > 2
