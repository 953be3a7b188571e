"""Images are evaluated through pipelines that draw nothing, in memory and encoded."""

import numpy as np
import pytest
from PIL import Image

from sbn.augment.pipeline import format
from sbn.config.errors import ConfigError
from sbn.data import eval_view, sources
from tests.conftest import REAL_DATA
from tests.data.imagenets import examples, pillow, write_records

MINI = REAL_DATA.with_name("tfds_mini")
NAMES = ["a", "b", "c"]
SIZES = [(70, 96), (123, 80), (64, 64), (41, 200)]


def as_pillow(image, side, size):
    """Resize the shorter side, cut the middle out: worked on whole images, by Pillow."""
    height, width = image.shape[:2]
    shape = (side * width // min(height, width), side * height // min(height, width))
    left, top = (shape[0] - size) // 2, (shape[1] - size) // 2
    resized = Image.fromarray(image).resize(shape, Image.Resampling.BILINEAR)
    return np.asarray(resized.crop((left, top, left + size, top + size)))


@pytest.fixture
def encoded(tiny, tmp_path, monkeypatch):
    """A function from changes to the test split of an ImageNet of 11 images, and those images as Pillow has them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    held = {"train": examples(5, classes=3, sizes=SIZES), "validation": examples(11, classes=3, sizes=SIZES, seed=2)}
    write_records(tmp_path, "imagenet2012", held, class_names=NAMES)

    def load(view, changes=None, split="test"):
        plain = {
            "data.name": "imagenet2012",
            "data.path": "host",
            "data.dir": str(tmp_path),
            "data.test_split": "validation",
        }
        limits = {"data.image_size": None, "data.train_examples": None, "data.test_examples": None}
        return sources.load(tiny({**plain, **limits, **(changes or {})}).data, split, view=view)

    return load, [pillow(image) for image, _ in held["validation"]], held


def test_encoded_images_are_seen_as_pillow_resizes_and_crops_them(encoded):
    load, images, _ = encoded
    seen = load("resize(61)|centre_crop(48)").images  # leaves an odd number of rows or columns
    expected = np.stack([as_pillow(image, 61, 48) for image in images])
    assert (len(seen), seen.shape) == (11, (11, 48, 48, 3))
    assert seen[:].dtype == np.uint8
    np.testing.assert_array_equal(seen[:], expected)


def test_real_images_are_evaluated_as_pillow_shows_them(tiny, tmp_path, monkeypatch):
    """Whole images of ImageNet at its own 256 and 224, beside the recipe spelt out for one image after the other."""
    if not (MINI / "imagenet2012").exists():
        pytest.skip(f"no imagenet2012 in {MINI}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    data = {
        "data.name": "imagenet2012",
        "data.path": "host",
        "data.dir": str(MINI),
        "data.test_split": "validation",
        "data.image_size": None,
    }
    source = sources.load(tiny({**data, "data.train_examples": None, "data.test_examples": 30}).data, "test")
    encoded_images = source.images.index.read(np.arange(30))
    np.testing.assert_array_equal(source.images[:], np.stack([as_pillow(pillow(e), 256, 224) for e in encoded_images]))


def test_slices_and_ids_give_the_same_images(encoded):
    seen = encoded[0]("resize(60)|centre_crop(48)").images
    whole = seen[:]
    for which in (slice(3, 8), slice(8, 99), slice(0, 0), np.array([10, 0, 7, 7])):
        np.testing.assert_array_equal(seen[which], whole[which])
    np.testing.assert_array_equal(np.asarray(seen), whole)


def test_ops_after_the_frame_are_applied(encoded):
    load, _, _ = encoded
    plain, small = (
        load(view).images[:] for view in ("resize(60)|centre_crop(48)", "resize(60)|centre_crop(48)|resize(24)")
    )
    np.testing.assert_array_equal(
        small[4], np.asarray(Image.fromarray(plain[4]).resize((24, 24), Image.Resampling.BILINEAR))
    )


def test_the_first_examples_and_cuts_are_what_they_say(encoded):
    load, _, held = encoded
    few = load(None, {"data.test_examples": 4, "data.test_split": "validation[2:]"})
    assert (len(few), few.classes, few.images.shape) == (4, 3, (4, 224, 224, 3))
    np.testing.assert_array_equal(few.labels, [label for _, label in held["validation"][2:6]])
    whole = load(None)
    np.testing.assert_array_equal(few.images[:], whole.images[2:6])
    assert few.fingerprint() != whole.fingerprint()


def test_images_without_labels_are_refused(encoded, tmp_path):
    held = {"train": encoded[2]["train"], "validation": [(image, -1) for image, _ in encoded[2]["validation"]]}
    write_records(tmp_path / "other", "imagenet2012", held, class_names=NAMES)
    with pytest.raises(ConfigError, match=r"validation.*without labels"):
        encoded[0](None, {"data.dir": str(tmp_path / "other")})


def test_images_in_memory_are_seen_through_the_pipeline_at_test_time_alone(tiny):
    data = tiny({"data.image_size": 32}).data
    train, test = (sources.load(data, split, view="resize(24)|centre_crop(20)") for split in ("train", "test"))
    whole = sources.load(data, "test")
    assert (train.images.shape, test.images.shape) == ((40, 32, 32, 3), (13, 20, 20, 3))
    np.testing.assert_array_equal(test.images, np.stack([as_pillow(image, 24, 20) for image in whole.images]))
    assert sources.load(data, "test", view="none").fingerprint() == whole.fingerprint()


def test_defaults_are_whole_images_or_those_of_the_data_set():
    assert format(eval_view.parse(None, name="cifar10")) == "none"
    assert format(eval_view.parse(None, name="imagenet2012")) == "resize(256)|centre_crop(224)"
    assert format(eval_view.parse("resize(9)", name="imagenet2012")) == "resize(9)"


@pytest.mark.parametrize(
    ("view", "words"),
    [
        ("flip", ["flip", "is random"]),
        ("resize(256)|random_crop(224)", ["random_crop", "is random"]),
        ("mixup(1)", ["mixup"]),
        ("resiz(256)", ["resiz", "resize"]),
        ("none", ["differ in size", "centre_crop(size)"]),
        ("resize(40)|centre_crop(48)", ["centre_crop(size) is 48"]),
        ("centre_crop(48)", ["centre_crop(size) is 48", "a side of 41"]),
    ],
)
def test_other_pipelines_are_refused_in_one_line(encoded, view, words):
    with pytest.raises(ConfigError) as caught:
        encoded[0](view)
    assert str(caught.value).startswith("eval.augment = ")
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_a_pipeline_that_does_not_fit_images_in_memory_is_refused(tiny):
    with pytest.raises(ConfigError, match=r"eval.augment = 'centre_crop\(17\)'.*17"):
        sources.load(tiny().data, "test", view="centre_crop(17)")
