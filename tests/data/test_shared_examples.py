"""Examples that are in both splits are told, whatever the splits are called, however they are read and looked at."""

import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.data import sources
from sbn.data.encoded import Encoded
from sbn.data.examples import InMemory, in_memory
from sbn.data.image_files import index_of
from sbn.data.pairing import check_together
from tests.data.test_folders import fill, put


@pytest.fixture
def told(tiny, tmp_path, capsys, monkeypatch):
    """A function from splits of `folder:own` and a view to what is printed of them, beside the splits themselves."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def make(train, test, view=None, examples=None):
        plain = {"data.image_size": None, "data.train_examples": None, "data.test_examples": examples}
        named = {
            "data.path": "host",
            "data.name": f"folder:{tmp_path / 'own'}",
            "data.train_split": train,
            "data.test_split": test,
        }
        data = tiny({**plain, **named}).data
        found = [sources.load(data, split, view=view) for split in ("train", "test")]
        check_together(data, *found, view=view)
        return capsys.readouterr().err, *found

    return make


def test_files_are_compared_whatever_the_folders_are_that_they_are_named_from(tmp_path):
    fill(tmp_path, classes=("one", "other"), count=2)
    one, both = (
        [tmp_path / name / f"{number}.png" for name in names for number in (0, 1)]
        for names in (["one"], ["one", "other"])
    )
    first, second, third = (index_of(paths, name="own") for paths in (one, both, both[2:]))
    assert first.root != second.root
    assert first.shares_files(second)
    assert second.shares_files(third)
    assert not first.shares_files(third)
    assert set(first.places()) < set(second.places())


def test_words_of_a_function_of_ones_own_are_its_own(tiny):
    keys = {"data.name": f"{__name__}:pictures", "data.train_split": "part:1+part:2", "data.test_split": "a+b"}
    none = {"data.image_size": None, "data.train_examples": None, "data.test_examples": None}
    data = tiny({**keys, **none, "data.path": "host"}).data
    assert [len(sources.load(data, split)) for split in ("train", "test")] == [4, 4]


def pictures(split):
    """Four images in memory, which come from two files."""
    images = np.zeros((4, 8, 8, 3), np.uint8)
    return in_memory({"image": images, "label": [0, 1, 0, 1]}, name="own", classes=2)


@pytest.fixture
def own(tmp_path):
    """A folder of 9 training images and 6 of validation, which its 'test' split is, too."""
    fill(tmp_path / "own/train", count=3)
    fill(tmp_path / "own/val", count=2)
    return tmp_path / "own"


@pytest.mark.parametrize("view", [None, "resize(8)", "centre_crop(8)"])
@pytest.mark.parametrize(("train", "test", "shared"), [("train[:6]", "train[4:]", "2 of 5"), ("train", "test", "")])
def test_test_examples_that_are_trained_on_are_told_through_every_view(own, told, train, test, shared, view):
    said, *_ = told(train, test, view or "resize(12)")
    assert (f"{shared} test examples are in the training split, too" in said) == bool(shared)
    assert len(said.splitlines()) == bool(shared)


@pytest.mark.parametrize(("train", "test"), [("train+val", "test"), ("train+test[2:]", "val[:4]+train[:1]")])
def test_a_split_with_two_names_is_one(own, told, train, test):
    shared = {"test": "6 of 6", "val[:4]+train[:1]": "3 of 5"}[test]
    assert f"{shared} test examples are in the training split, too" in told(train, test)[0]


def test_an_image_counts_once_in_a_test_split_with_two_names(own, told):
    said = r"data.test_split = 'val\[:4\]\+test\[3:\]': 1 examples are in more than one part, and would count more"
    with pytest.raises(ConfigError, match=said):
        told("train", "val[:4]+test[3:]")
    assert len(told("train", "val[:4]+test[3:]", examples=4)[2]) == 4  # of which none is taken twice
    said, *_ = told("train+val+test", "train[:1]")
    assert "data.train_split = 'train+val+test': 6 examples are in more than one part: every epoch trains" in said


def test_what_is_in_memory_is_compared_with_what_stays_encoded(own, told):
    put(own / "train/cat/9.png", size=(20, 10))
    said, train, test = told("train", "train[2:5]", "resize(12)|centre_crop(8)")
    assert isinstance(train, Encoded)
    assert isinstance(test, InMemory)
    assert "3 of 3 test examples are in the training split, too" in said


def test_of_arrays_parts_of_one_split_are_compared_before_they_are_looked_at(tiny, tmp_path, capsys):
    images = np.random.default_rng(0).integers(0, 256, (10, 8, 8, 3), np.uint8)
    arrays = {"train_images": images, "train_labels": np.arange(10) % 2}
    np.savez(tmp_path / "own.npz", **arrays, test_images=images[:4], test_labels=np.arange(4) % 2)
    keys = {"data.name": str(tmp_path / "own.npz"), "data.image_size": None, "data.train_split": "train[:6]"}
    for split, expected in (("train[4:]", "2 of 6 test examples are in the training split, too"), ("test", "")):
        none = {"data.train_examples": None, "data.test_examples": None}
        data = tiny({**keys, **none, "data.test_split": split}).data
        found = [sources.load(data, one, view="resize(8)|centre_crop(4)") for one in ("train", "test")]
        check_together(data, *found, view="resize(8)|centre_crop(4)")
        said = capsys.readouterr().err
        assert (expected in said) if expected else not said
