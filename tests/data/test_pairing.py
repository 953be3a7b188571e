"""Splits that can't be of one run are refused by name."""

import numpy as np
import pytest

from sbn.config.errors import ConfigError
from sbn.data.examples import Feature, in_memory
from sbn.data.pairing import check_together
from sbn.data.sentences import make_sentences
from sbn.data.tokens import ragged
from sbn.data.vocabulary import PIECES, Vocabulary


def examples(labels, **more):
    images = np.zeros((len(labels), 8, 8, 3), np.uint8)
    return in_memory({"image": images, "label": np.array(labels), **more}, name="own", classes=list("abcd"))


def test_test_labels_that_training_lacks_are_refused_where_classes_are_numbers(tiny):
    data = tiny({"data.name": "own.npz", "data.train_examples": None, "data.image_size": None}).data
    check_together(data, examples([0, 1, 2]), examples([2, 0]), view=None)
    with pytest.raises(ConfigError, match=r"'own.npz': test labels are of classes that no training image has: b, d"):
        check_together(data, examples([0, 2]), examples([3, 1, 0]), view=None)


def test_a_part_of_the_training_split_may_lack_classes(tiny):
    data = tiny({"data.name": "own.npz", "data.train_examples": 1, "data.image_size": None}).data
    check_together(data, examples([0]), examples([3, 1, 0]), view=None)


def test_features_that_differ_are_named(tiny):
    data = tiny().data
    with pytest.raises(ConfigError, match="examples of the test split lack depth"):
        check_together(data, examples([0], depth=[1.0]), examples([0]), view=None)
    words = [
        in_memory({"words": [[1]]}, name="own", features={"words": Feature("tokens", (), tuple(classes))})
        for classes in ("ab", "ac")
    ]
    with pytest.raises(ConfigError, match=r"the classes of words of the training split, 2 \(a, b\), are not"):
        check_together(data, *words, view=None)
    arrays = [in_memory({"x": np.zeros((2, width))}, name="own") for width in (3, 4)]
    with pytest.raises(ConfigError, match=r"x is array \(3,\) in the training split, and array \(4,\) in the test"):
        check_together(data, *arrays, view=None)


def objects(*labels):
    """An image for each list of classes, with as many slots for objects as the longest one needs."""
    slots = max(map(len, labels))
    boxes, numbers = np.zeros((len(labels), slots, 4), np.float32), np.zeros((len(labels), slots), np.int32)
    for i, own in enumerate(labels):
        boxes[i, : len(own), 2:], numbers[i, : len(own)] = 1, own
    beside = {"boxes": boxes, "box_label": numbers, "box_difficult": np.zeros((len(labels), slots), np.uint8)}
    return in_memory({"image": np.zeros((len(labels), 8, 8, 3), np.uint8), **beside}, name="own", classes=list("abcd"))


def test_splits_may_differ_in_how_many_objects_an_image_has(tiny, capsys):
    data = tiny().data
    check_together(data, objects([0, 1], [2]), objects([0, 2, 1], []), view=None)
    assert capsys.readouterr().err == ""
    check_together(data, objects([0, 1]), objects([3], [1]), view=None)
    assert "classes of test objects that no training object has: 1 (d)" in capsys.readouterr().err


def test_sizes_that_differ_are_told_with_the_key_that_mends_it(tiny):
    data = tiny({"data.name": "own.npz", "data.train_examples": None, "data.image_size": None}).data
    small = in_memory({"image": np.zeros((2, 6, 7, 3), np.uint8), "label": [0, 1]}, name="own", classes=list("abcd"))
    said = r"'own.npz': training images have 8 x 8 pixels, test images 6 x 7: give .* one size with eval\.augment"
    with pytest.raises(ConfigError, match=said):
        check_together(data, examples([0, 1]), small, view=None)
    check_together(data, examples([0, 1]), small, view="resize(8)")


def test_test_examples_that_are_trained_on_are_counted(tiny, capsys):
    def told(train, test, train_split, test_split):
        given = {"data.name": "own.npz", "data.train_examples": 5, "data.image_size": None}
        data = tiny({**given, "data.train_split": train_split, "data.test_split": test_split}).data
        check_together(data, train, test, view=None)
        return capsys.readouterr().err

    def some(start, stop):
        images = np.arange(8 * 64 * 3, dtype=np.int64).reshape(8, 8, 8, 3) % 251
        return in_memory({"image": images[start:stop], "label": np.zeros(stop - start, int)}, name="own", classes=2)

    said = told(some(0, 6), some(5, 8), "train[:6]", "train[-3:]")
    assert "1 of 3 test examples are in the training split, too: data.train_split = 'train[:6]'" in said
    assert len(said.splitlines()) == 1
    assert not told(some(0, 5), some(5, 8), "train[:5]", "train[-3:]")
    assert not told(some(0, 6), some(5, 8), "train", "test")  # of two splits nothing is asked
    pairs = [
        make_sentences(ragged([[3, 1], last]), ragged([[4, 1], [5, 1]]), Vocabulary(PIECES)) for last in ([1], [6, 1])
    ]
    assert "1 of 2 test examples" in told(*pairs, "train", "train")
