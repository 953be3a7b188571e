import dataclasses

import numpy as np
import pytest

from sbn.augment.pipeline import parse
from sbn.data import figure1, sheet, sources


@pytest.fixture
def source(tiny):
    return sheet.Pictures(sources.load(tiny({"data.train_examples": 4, "data.image_size": 32}).data, "train").images)


def cells(source, figure):
    """What stands under every title: {title: (M, H, W, 3)}, found by its own place, taken off its enlargement."""
    picture = np.asarray(figure)
    below = figure1._MARGIN + figure1._HEADER
    row = np.any(picture[below : below + 128] != 255, axis=(0, 2))
    starts = np.flatnonzero(row & ~np.roll(row, 1))
    assert len(starts) == len(figure1.COLUMNS)
    found = {}
    for column, left in zip(figure1.COLUMNS, starts, strict=True):
        rows = [picture[below + 134 * number :, left:][: 4 * 32 : 4, : 4 * 32 : 4] for number in range(len(source))]
        found[column.title] = np.stack(rows)
    return found


def test_every_column_shows_what_its_title_says(source):
    # no white pixels, which would pass for gaps
    source = dataclasses.replace(source, images=np.minimum(source.images, 250))
    found = cells(source, figure1.draw(source, seed=3))
    np.testing.assert_array_equal(found["Original"], source.images)
    for title, text in (
        ("Flip and crop", "crop(4)|flip"),
        ("with Cutout", "crop(4)|flip|cutout(16)"),
        ("AutoAugment", "autoaugment('cifar10')"),
        ("RandAugment", "randaugment(3, 4)"),
        ("AugMix", "augmix"),
        ("Gaussian noise", "gaussian(0.2)"),
    ):
        np.testing.assert_array_equal(found[title], sheet.draw(source, parse(text), draws=1, seed=3)[:, 1])
    following = source.images[[1, 2, 3, 0]]
    np.testing.assert_array_equal(found["MixUp"], (source.images.astype(int) + following) // 2)
    np.testing.assert_array_equal(found["CutMix"], figure1.cutmix(source.images, 3))


def test_cutmix_shows_half_of_each(source):
    images = np.stack([np.full((32, 32, 3), value, np.uint8) for value in range(20)])
    mixed = figure1.cutmix(images, 0)
    partners = mixed == np.roll(images, -1, axis=0)
    assert np.all(partners | (mixed == images))
    # a box of 23 x 23: 32 / sqrt(2) is 22.6
    assert np.all(partners[..., 0].sum(axis=(1, 2)) == 23 * 23)
    assert len({tuple(np.argwhere(box)[0]) for box in partners[..., 0]}) > 10


def test_the_papers_panels_are_all_there():
    assert {"Original", "MixUp", "CutMix", "AutoAugment", "RandAugment"} < {column.title for column in figure1.COLUMNS}


def test_titles_are_written_smaller_where_there_is_no_room(source):
    wide = figure1.draw(source, seed=0)
    narrow = figure1.draw(dataclasses.replace(source, images=source.images[:, :, :8]), seed=0)
    assert narrow.size[0] < wide.size[0] / 2
