"""The built-in data set: what every image must satisfy, whatever it looks like."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from sbn.data import shapes

COUNT = 400


@pytest.fixture(scope="module")
def plain() -> shapes.Shapes:
    return shapes.render(np.arange(COUNT))


def digest(rendered: shapes.Shapes) -> str:
    parts = (rendered.images, rendered.labels, rendered.boxes, rendered.masks)
    return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()[:16]


GOLDEN = {"plain": "134f5ee9e9f93fd4", "sketch": "db1182a72c450196", "clear": "06b2d5bcafb94df8"}


@pytest.mark.parametrize("style", shapes.STYLES)
def test_pixels_are_those_of_the_golden_digest(style):
    got = digest(shapes.render(np.arange(20), style=style, seed=7))
    assert got == GOLDEN[style], (
        "The data set `shapes` has changed: every accuracy measured on it so far is void. If that is intended, put "
        f"{got!r} into GOLDEN[{style!r}] and repeat the runs. If it fails on one machine only, some arithmetic is "
        "no longer exactly rounded there (a sine, a BLAS call, a fused multiply-add)."
    )


def test_types_and_shapes(plain):
    assert plain.images.dtype == np.uint8
    assert plain.images.shape == (COUNT, 32, 32, 3)
    assert plain.labels.dtype == np.int32
    assert plain.labels.shape == (COUNT,)
    assert plain.boxes.dtype == np.float32
    assert plain.boxes.shape == (COUNT, 4)
    assert plain.masks.dtype == bool
    assert plain.masks.shape == (COUNT, 32, 32)


@pytest.mark.parametrize("style", shapes.STYLES)
def test_an_image_does_not_depend_on_its_neighbours(style):
    # 96 pixels: 14 images a chunk, so that 40 images cross chunk borders
    indices = np.arange(40)
    order = np.random.default_rng(0).permutation(indices)
    together = shapes.render(indices, size=96, style=style)
    shuffled = shapes.render(order, size=96, style=style)
    np.testing.assert_array_equal(together.images[order], shuffled.images)
    np.testing.assert_array_equal(together.labels[order], shuffled.labels)
    np.testing.assert_array_equal(together.boxes[order], shuffled.boxes)
    alone = shapes.render([31], size=96, style=style)
    np.testing.assert_array_equal(alone.images[0], together.images[31])
    np.testing.assert_array_equal(alone.masks[0], together.masks[31])


def test_no_indices_make_no_images():
    assert shapes.render([]).images.shape == (0, 32, 32, 3)
    assert shapes.render([]).boxes.shape == (0, 4)


def test_there_is_no_last_image():
    assert shapes.render([2**40]).masks.any()


@pytest.mark.parametrize("classes", [2, 7, 10])
def test_each_block_holds_each_class_once(classes):
    labels = shapes.label(np.arange(classes * 50), classes=classes)
    np.testing.assert_array_equal(np.sort(labels.reshape(50, classes)), np.tile(np.arange(classes), (50, 1)))
    assert len({tuple(block) for block in labels.reshape(50, classes)}) > 1


def test_label_alone_equals_the_rendered_label(plain):
    np.testing.assert_array_equal(shapes.label(np.arange(COUNT)), plain.labels)


@pytest.mark.parametrize("size", [16, 32, 64, 96])
def test_boxes_are_tight_around_masks(size):
    rendered = shapes.render(np.arange(60), size=size, split="test")
    for box, mask in zip(rendered.boxes, rendered.masks, strict=True):
        y, x = np.where(mask)
        assert tuple(box) == (y.min(), x.min(), y.max() + 1, x.max() + 1)


def test_an_object_without_a_visible_pixel_has_an_empty_box():
    rendered = shapes.render(np.arange(20_000), size=8)
    hidden = ~rendered.masks.any(axis=(1, 2))
    assert hidden.any(), "no such image among these: take more of them"
    np.testing.assert_array_equal(rendered.boxes[hidden], 0)


def test_every_object_is_seen_from_16_pixels_on():
    assert shapes.render(np.arange(5000), size=16).masks.any(axis=(1, 2)).all()


def test_styles_share_their_geometry(plain):
    sketch = shapes.render(np.arange(COUNT), style="sketch")
    np.testing.assert_array_equal(sketch.labels, plain.labels)
    np.testing.assert_array_equal(sketch.masks, plain.masks)
    np.testing.assert_array_equal(sketch.boxes, plain.boxes)
    assert (sketch.images != plain.images).mean() > 0.9


def test_sizes_share_their_composition():
    small, large = (shapes.render(np.arange(100), size=size) for size in (32, 96))
    # A mask at 96 pixels, averaged over 3 x 3, is the area covered of each pixel at 32. The two can only differ
    # along the outline, about 40 pixels of 1024, and there by a fraction of a pixel either way.
    shares = large.masks.reshape(100, 32, 3, 32, 3).mean(axis=(2, 4))
    assert np.abs(shares - small.masks).mean() < 0.02
    # A box's edge moves by a pixel at most, but for tips thinner than that: a star's ends up to three pixels early.
    moved = np.abs(large.boxes / 3 - small.boxes)
    assert moved.max() < 3
    assert (moved > 1.01).mean() < 0.02


def test_seeds_and_splits_share_no_image(plain):
    others = [shapes.render(np.arange(COUNT), seed=1)]
    others += [shapes.render(np.arange(COUNT), split=split) for split in ("validation", "test")]
    sets = [{image.tobytes() for image in part.images} for part in (plain, *others)]
    assert len(set().union(*sets)) == 4 * COUNT


def test_colour_says_nothing_of_the_class():
    count = 4000
    rendered = shapes.render(np.arange(count))
    inside = rendered.masks[..., None]
    colours = {
        "of the image": rendered.images.mean(axis=(1, 2)),
        "of the object": (rendered.images * inside).sum(axis=(1, 2)) / inside.sum(axis=(1, 2)),
    }
    for name, colour in colours.items():
        spread = colour.std(axis=0) / np.sqrt(count / 10)  # standard error of a class's mean
        means = np.stack([colour[rendered.labels == k].mean(axis=0) for k in range(10)])
        # 60 such scores in all: chance exceeds 4.5 with probability 60 * 7e-6, and the data are fixed
        score = np.abs((means - colour.mean(axis=0)) / spread).max()
        assert score < 4.5, f"the mean colour {name} depends on the class: {score:.1f} standard errors"


def test_raw_pixels_do_not_give_the_class_away():
    train, test = shapes.render(np.arange(3000)), shapes.render(np.arange(1000), split="test")
    x, z = (part.images.reshape(len(part.images), -1) / 255.0 - 0.5 for part in (train, test))
    centroids = np.stack([x[train.labels == k].mean(axis=0) for k in range(10)])
    nearest = ((z[:, None, ::8] - centroids[None, :, ::8]) ** 2).sum(axis=2).argmin(axis=1)
    # Ridge regression to one-hot labels, solved in the space of examples
    one_hot = np.eye(10)[train.labels] - 0.1
    linear = (z @ (x.T @ np.linalg.solve(x @ x.T + 100 * np.eye(len(x)), one_hot))).argmax(axis=1)
    # Chance is 0.1 with a standard error of 0.01
    assert (nearest == test.labels).mean() < 0.16
    assert (linear == test.labels).mean() < 0.2


@pytest.mark.slow  # a property of the set, which other tests hold fixed
def test_masks_alone_do_give_the_class_away():
    # The counterpart: the classes are there to be told. Moments of the mask, free of place and of size, in one
    # linear classifier. An accuracy of 0.5 is five times chance; 0.6 and more is what it reaches.
    def moments(masks: np.ndarray) -> np.ndarray:
        rows = []
        for mask in masks:
            y, x = (axis - axis.mean() for axis in np.where(mask))
            scale = np.sqrt(mask.sum())
            y, x = y / scale, x / scale
            rows.append([np.mean(x**i * y**j) for i in range(7) for j in range(7 - i)])
        return np.array(rows)

    train = shapes.render(np.arange(2000), size=64)
    test = shapes.render(np.arange(500), size=64, split="test")
    x, z = moments(train.masks), moments(test.masks)
    x, z = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-9), (z - x.mean(axis=0)) / (x.std(axis=0) + 1e-9)
    weights = np.linalg.lstsq(np.c_[x, np.ones(len(x))], np.eye(10)[train.labels], rcond=None)[0]
    assert ((np.c_[z, np.ones(len(z))] @ weights).argmax(axis=1) == test.labels).mean() > 0.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"style": "sketchy"}, "did you mean 'sketch'"),
        ({"split": "tset"}, "did you mean 'test'"),
        ({"classes": 11}, "classes=11: choose from 2 to 10"),
        ({"classes": True}, "classes=True"),
        ({"size": 4}, "size=4.*8 or more"),
        ({"size": 32.0}, "size=32.0"),
        ({"seed": -1}, "seed -1"),
        ({"indices": [-3]}, "image -3 does not exist"),
        ({"indices": [0.5]}, "whole numbers"),
        ({"indices": [[1]]}, r"int64 of \(1, 1\)"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    arguments = {"indices": [0], **changes}
    with pytest.raises(ValueError, match=message):
        shapes.render(arguments.pop("indices"), **arguments)


def test_rendering_needs_neither_jax_nor_tensorflow():
    code = (
        "import sys; from sbn.data import shapes; shapes.render([0]); print({'jax', 'tensorflow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
