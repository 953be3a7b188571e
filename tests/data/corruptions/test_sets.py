"""Corrupted sets by one interface."""

import json

import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.data.corruptions import kinds, sets
from sbn.data.corruptions.corrupt import corrupt
from sbn.data.examples import InMemory, in_memory
from tests.data.corruptions import layouts
from tests.data.corruptions.pictures import pictures


def clean_of(classes):
    labels = np.array([0, 3, 9, 1, 5, 5]) % classes
    return in_memory({"image": pictures(6, 32), "label": labels}, name="pictures", classes=classes)


@pytest.fixture
def clean():
    return clean_of(10)


def test_the_benchmark_is_the_default_and_groups_are_names():
    assert sets.select(()) == kinds.BENCHMARK == sets.select(["benchmark"])
    assert sets.select(["extra"]) == kinds.EXTRA
    assert sets.select(["spatter", "fog", "noise", "fog"]) == (
        "gaussian_noise", "shot_noise", "impulse_noise", "fog", "spatter",
    )  # fmt: skip
    with pytest.raises(ConfigError, match="did you mean 'motion_blur'"):
        sets.select(["fog", "moton_blur"])


@pytest.mark.parametrize("kept", [False, True])
def test_generated_sets_are_made_of_the_clean_images(clean, tmp_path, kept):
    found = sets.load(
        clean, data="shapes", dir=str(tmp_path) if kept else None, kinds=("fog", "frost"), frost="procedural", seed=3
    )
    assert found.generated
    assert found.kinds == ("frost", "fog")
    assert found.severities == (1, 2, 3, 4, 5)
    np.testing.assert_array_equal(found.labels, clean.labels)
    wanted = corrupt(clean.images, "fog", 4, seed=3, ids=np.arange(6))
    np.testing.assert_array_equal(found.images("fog", 4)[:], wanted)
    assert found.images("frost", 1)[2:4].shape == (2, 32, 32, 3)
    for word in ("not the released", "CIFAR-10-C", "seed 3", "made-up"):
        assert word in found.about
    assert "\n" not in found.about
    assert len(list(tmp_path.iterdir())) == (2 if kept else 0)


def test_kept_images_are_of_these_clean_images_as_they_are_seen(clean, tmp_path):
    class SameFiles(InMemory):
        def fingerprint(self):
            return "of the files"

    brighter = clean.with_images(clean.images // 2 + 100)
    for source in (clean, brighter):
        images = SameFiles(**vars(source))
        found = sets.load(images, data="shapes", dir=str(tmp_path), kinds=("contrast",)).images("contrast", 1)
        wanted = corrupt(source.images, "contrast", 1, seed=0, ids=np.arange(6))
        np.testing.assert_array_equal(found, wanted)


def test_a_part_of_the_examples_is_the_first(clean, tmp_path):
    whole, part = (sets.load(clean, data="shapes", kinds=("snow",), examples=examples) for examples in (None, 4))
    np.testing.assert_array_equal(part.labels, clean.labels[:4])
    np.testing.assert_array_equal(part.images("snow", 2)[:], whole.images("snow", 2)[:4])
    arrays, labels = layouts.cifar(tmp_path, ["fog"])
    part = sets.load(clean, data="cifar10", source="released", dir=str(tmp_path), kinds=("fog",), examples=3)
    np.testing.assert_array_equal(part.labels, labels[:3])
    np.testing.assert_array_equal(part.images("fog", 2)[:], arrays["fog"][4:7])
    layouts.imagenet(tmp_path / "i", ["fog"])
    three = clean_of(3)
    part = sets.load(three, data="imagenet2012", source="released", dir=str(tmp_path / "i"), kinds=("fog",), examples=2)
    assert part.images("fog", 5)[:].shape == (2, 224, 224, 3)
    for examples in (0, 7):
        with pytest.raises(ConfigError, match=f"examples = {examples} .*6"):
            sets.load(clean, data="shapes", kinds=("snow",), examples=examples)


def test_released_sets_are_read_as_they_are(clean, tmp_path):
    arrays, labels = layouts.cifar(tmp_path / "CIFAR-10-C", ["fog", "snow"])
    found = sets.load(clean, data="cifar10", source="released", dir=str(tmp_path), kinds=("snow", "fog"))
    assert not found.generated
    assert found.kinds == ("snow", "fog")
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_array_equal(found.images("snow", 5), arrays["snow"][16:])
    with pytest.raises(ConfigError, match=r"unknown type of corruption in .* 'frost'"):
        found.images("frost", 1)
    with pytest.raises(ConfigError, match="unknown severity '0'"):
        found.images("fog", 0)


def test_what_can_not_be_had_is_told_before_anything_is_made(clean, tmp_path):
    for keywords, said in (
        ({}, "frost needs photographs"),
        ({"kinds": ("frost",), "frost": str(tmp_path)}, "frost1.png"),
        ({"source": "relesed"}, "did you mean 'released'"),
        ({"source": "released", "dir": str(tmp_path)}, "no CIFAR-10-C"),
    ):
        with pytest.raises(ConfigError, match=said):
            sets.load(clean, data="cifar10", **keywords)
    layouts.cifar(tmp_path, ["fog"], classes=10)
    few = clean_of(9)
    with pytest.raises(ConfigError, match="label 9, and 'cifar10' 9 classes"):
        sets.load(few, data="cifar10", source="released", dir=str(tmp_path), kinds=("fog",))


def test_all_words_of_the_config_are_plain_arguments(clean):
    words = {"source": "generated", "dir": None, "kinds": ("fog",), "frost": None, "seed": 0, "examples": 2}
    assert len(sets.load(clean, data="cifar10", **json.loads(json.dumps(words))).images("fog", 1)) == 2
