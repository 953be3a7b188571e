"""Boxes and label images follow the pixels of images of any size, in training and evaluation; faults name the file."""

import re

import numpy as np
import pytest
from PIL import Image

from sbn.augment.encoded_crops import crop_windows, split_crop
from sbn.augment.pipeline import parse
from sbn.config import tree
from sbn.config.errors import ConfigError
from sbn.data import sources
from sbn.data.encoded import Encoded
from sbn.data.host import batches
from sbn.data.image_files import image_files
from sbn.data.pixels import unpack
from sbn.data.targets import Targets
from sbn.data.views import View

# (height, width) of the pictures, and the box of the object in each
PICTURES = [
    ((40, 60), (8, 10, 30, 50)),
    ((60, 40), (20, 4, 50, 30)),
    ((33, 71), (5, 30, 25, 66)),
    ((48, 48), (0, 0, 20, 48)),
]
CLASSES = ["ground", "thing"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures")
    for number, (size, (top, left, bottom, right)) in enumerate(PICTURES):
        mask = np.zeros(size, np.uint8)
        mask[top:bottom, left:right] = 1
        image = np.where(mask[..., None] == 1, (250, 20, 20), (10, 40, 90)).astype(np.uint8)
        Image.fromarray(image).save(path / f"{number}.png")
        painted = Image.fromarray(np.where(mask == 1, 7, 0).astype(np.uint8), "L").convert("P")
        painted.putpalette([0, 0, 0] * 7 + [255, 0, 0] + [0, 0, 0] * 248)
        painted.save(path / f"{number}_labels.png")
    return path


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def files(folder, **changes):
    given = {
        "name": "pictures",
        "classes": CLASSES,
        "boxes": [[box, (0, 0, *size)][: 1 + number % 2] for number, (size, box) in enumerate(PICTURES)],
        "box_labels": [[1, 0][: 1 + number % 2] for number in range(4)],
        "masks": [folder / f"{number}_labels.png" for number in range(4)],
        "mask_numbers": {0: 0, 7: 1},
        **changes,
    }
    return image_files([folder / f"{number}.png" for number in range(4)], **given)


def examples(folder, view="fit(32, 48)", **changes):
    found = files(folder, **changes)
    return Encoded(found.index, parse(view), name="pictures", beside=found.beside)


def around(mask):
    """The box around the pixels of a mask that are `thing`."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return [rows[0], columns[0], rows[-1] + 1, columns[-1] + 1]


VIEWS = (
    "fit(32, 48)|flip",
    "random_scale(30, 36, (0.4, 1.6))|flip",
    "inception_crop(24, area=(0.5, 1))|flip",
    "resize(36)|random_crop(30)|flip|crop(2)",
)


@pytest.mark.parametrize("text", VIEWS)
def test_boxes_and_label_images_move_with_the_pixels_of_a_view(folder, text):
    targets = Targets(("box_label",), "boxes", "mask")
    options = {"seed": 2, "stage": 0, "batch_size": 4, "start": 0, "stop": 3, "targets": targets}
    views = [View(parse(text), 0), View(parse("inception_crop(20)"), 1)]
    looked = 0
    for batch, _ in batches(examples(folder), views, **options):
        assert batch["targets"]["boxes"].shape == (4, 2, 2, 4)
        assert batch["targets"]["box_label"].shape == (4, 2)
        for words, boxes in zip(batch["inputs"]["image"][0], batch["targets"]["boxes"][:, 0], strict=True):
            colours, marks = unpack(words)
            assert set(np.unique(marks)) <= {0, 1, 2}  # filler, ground, thing
            red = colours[..., 0] > 130
            assert ((marks == 2) == red)[marks > 0].mean() > 0.93  # but for blended edges
            if (marks == 2).any():
                np.testing.assert_allclose(boxes[0], around(marks == 2), atol=1)
                looked += 1
    assert looked >= 10


def test_evaluation_sees_the_same_as_training_does_on_a_canvas(folder):
    own = examples(folder)
    (batch, _), *_ = batches(
        own,
        [View(parse("fit(32, 48)"), 0)],
        seed=0,
        stage=0,
        batch_size=4,
        start=0,
        stop=1,
        targets=Targets((), "boxes", "mask"),
    )
    found = own.load(batch["id"])
    colours, marks = unpack(found["image"])
    trained, labels = unpack(batch["inputs"]["image"][:, 0])
    assert np.abs(colours.astype(int) - trained).max() <= 1  # Pillow rounds once more
    np.testing.assert_array_equal(marks > 0, labels > 0)
    np.testing.assert_array_equal(found["mask"], np.where(labels == 0, 255, labels - 1))
    np.testing.assert_array_equal(found["boxes"], batch["targets"]["boxes"][:, 0])
    wanted = {(40, 60): (32, 48), (60, 40): (32, 21), (33, 71): (22, 48), (48, 48): (32, 32)}  # by hand
    for place, size in enumerate(found["image_size"]):
        height, width = wanted[tuple(size)]
        assert marks[place, :height, :width].all()
        assert (marks[place] > 0).sum() == height * width


def test_an_image_is_scaled_onto_its_canvas_as_pillow_does(folder):
    colours, _ = unpack(examples(folder, "fit(20, 30)").load(np.array([2]))["image"])
    with Image.open(folder / "2.png") as image:
        expected = np.asarray(image.resize((30, 13), Image.Resampling.BILINEAR))  # 33 x 71 within 20 x 30
    np.testing.assert_array_equal(colours[0, :13], expected)
    assert not colours[0, 13:].any()


def test_an_example_is_there_in_its_own_size(folder):
    found = examples(folder).original(1)
    assert found["image"].shape == (60, 40, 3)
    assert around(found["mask"] == 1) == [20, 4, 50, 30]
    np.testing.assert_array_equal(found["boxes"], [[20, 4, 50, 30], [0, 0, 60, 40]])


def test_the_fingerprint_changes_with_boxes_and_label_images(folder):
    before = examples(folder).fingerprint()
    assert before == examples(folder).fingerprint()
    assert before != examples(folder, masks=None, mask_numbers=None).fingerprint()
    moved = [[(0, 0, 10, 10)]] * 4
    assert before != examples(folder, boxes=moved, box_labels=None).fingerprint()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"boxes": [[]] * 3}, "pictures: 4 images and 3 of boxes"),
        (
            {"boxes": [[(0, 0, 90, 9)], [], [], []], "box_labels": None},
            "0.png: a box lies outside of its 40 x 60",
        ),
        ({"boxes": [[(9, 0, 3, 9)], [], [], []], "box_labels": None}, "0.png: a box is y0, x0, y1, x1"),
        ({"box_labels": [[1], [1], [1], [1]]}, "1.png has 2 boxes, and 1 labels of them"),
        ({"boxes": [[(0, 0, 3)], [], [], []], "box_labels": None}, "0.png: boxes are rows of y0, x0, y1, x1, (B, 4)"),
        ({"boxes": [[], ["abcd"], [], []], "box_labels": None}, "1.png: boxes are rows of y0, x0, y1, x1, (B, 4)"),
        ({"box_labels": [[0.5], [0, 0], [0], [0, 0]]}, "0.png: labels of boxes are whole numbers, not [0.5]"),
        ({"box_labels": [["a"], [0, 0], [0], [0, 0]]}, "0.png: labels of boxes are whole numbers, not ['a']"),
        ({"most_boxes": 1}, "1.png has 2 boxes: more than most_boxes = 1"),
        ({"box_labels": [[2], [0, 0], [0], [0, 0]]}, "of 2 classes the last is 1"),
        ({"mask_numbers": None}, "0_labels.png holds the label 7, but of 2 classes the last is 1"),
        ({"mask_numbers": {77: 1}}, "0_labels.png, and all 4 label images looked into, have no labels"),
        ({"mask_numbers": {0: 0}}, "hold 'ground' and pixels without a label (255) alone: write 1 for 'thing'"),
        ({"mask_numbers": {300: 1}}, "mask_numbers has 300: 1; numbers go to 255, classes to 1"),
        ({"classes": []}, "masks need 1 to 254 classes, not 0"),
    ],
)
def test_what_does_not_fit_together_is_refused_by_name(folder, changes, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        files(folder, **{"boxes": None, "box_labels": None, **changes} if "classes" in changes else changes)


def test_files_that_are_missing_or_of_another_size_or_in_colours_are_named(folder):
    labels = [folder / f"{number}_labels.png" for number in (0, 1, 3, 2)]
    with pytest.raises(ConfigError, match=r"3_labels.png has 48 x 48 pixels, and its image .*2.png 33 x 71"):
        files(folder, masks=labels)
    with pytest.raises(ConfigError, match=r"gone.png can't be read: No such file"):
        files(folder, masks=[folder / "gone.png"] * 4)
    with Image.open(folder / "0_labels.png") as image:
        image.convert("L").save(folder / "lossy.jpg")
    with pytest.raises(ConfigError, match=r"lossy.jpg is a JPEG, .*: a label image is a PNG"):
        files(folder, masks=[folder / "lossy.jpg", *labels[1:2], folder / "2_labels.png", folder / "3_labels.png"])
    with pytest.raises(ConfigError, match=r"0.png has colours \(mode RGB\)"):
        files(folder, masks=[folder / f"{number}.png" for number in range(4)])


def test_an_evaluation_pipeline_that_boxes_can_not_follow_is_refused(folder):
    with pytest.raises(ConfigError, match="boxes and masks follow only its first ops"):
        examples(folder, "fit(32, 48)|resize(16)")


@pytest.mark.parametrize("made", ["files", "examples"])
def test_a_function_of_ones_own_returns_them(made, folder, monkeypatch, tmp_path):
    text = "import pathlib\nfrom tests.data.test_image_files import examples, files\n"
    text += f"def load(split, folder):\n    return {made}(pathlib.Path(folder))\n"
    (tmp_path / f"own_{made}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    wanted = {"data.name": f"own_{made}:load", "data.args.folder": str(folder), "data.train_examples": 3}
    data = tree.to_config(tree.changed(tree.defaults(), wanted)).data
    found = sources.load(data, "train", view="fit(16, 16)")
    assert len(found) == 3
    assert {name: feature.kind for name, feature in found.features.items()} == {
        "image": "image",
        "boxes": "boxes",
        "box_label": "label",
        "mask": "mask",
        "image_size": "array",
    }
    assert found.load(np.arange(3))["boxes"].shape == (3, 2, 4)


def test_a_random_scale_shows_a_window_of_the_scaled_image_and_fills_up_what_is_missing(folder):
    own, ids = examples(folder), np.repeat(np.arange(4), 64)
    crop = split_crop(parse("random_scale(48, 40, (0.5, 2))"))
    bits = np.random.default_rng(0).integers(0, 2**32, (len(ids), 3), np.uint32)
    windows = crop_windows(crop, bits, own.index.sizes[ids])
    factors = windows.scaled / own.index.sizes[ids]
    # what is drawn is uniform: the mean of 256 draws lies within four of its deviations, 0.43 / 16
    assert abs(factors.mean() - 1.25) < 0.11
    assert 0.48 < factors.min() < 0.6  # a side of 33 pixels is rounded by 0.02 of it
    assert 1.9 < factors.max() < 2.02
    assert (windows.kept + np.minimum(windows.scaled, crop.size) <= windows.scaled).all()
    assert (windows.kept[(windows.scaled <= crop.size)] == 0).all()
    larger = windows.scaled[:, 0] > crop.size[0]
    places = windows.kept[larger, 0] / (windows.scaled[larger, 0] - crop.size[0])
    assert places.min() < 0.1 < 0.9 < places.max()


def test_a_random_scale_of_one_and_the_whole_image_changes_nothing(folder):
    (batch, _), *_ = batches(
        examples(folder),
        [View(parse("random_scale(64, 80, (1, 1))"), 0)],
        **{"seed": 0, "stage": 0, "batch_size": 4, "start": 0, "stop": 1, "targets": Targets((), "boxes", "mask")},
    )
    for i, words, boxes in zip(
        batch["id"], batch["inputs"]["image"][:, 0], batch["targets"]["boxes"][:, 0], strict=True
    ):
        own, (height, width) = examples(folder).original(i), PICTURES[i][0]
        colours, marks = unpack(words)
        np.testing.assert_array_equal(colours[:height, :width], own["image"])
        np.testing.assert_array_equal(marks[:height, :width], own["mask"] + 1)
        assert (marks > 0).sum() == height * width
        np.testing.assert_array_equal(boxes, own["boxes"])
