"""Sizes that mini-batches draw: read, refused, and uniform."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from sbn.augment.batch_sizes import RandomCropOf, drawn, variants
from sbn.augment.fits import check_fits
from sbn.augment.host.words import TENSORFLOW
from sbn.augment.pipeline import format, parse
from sbn.augment.show import table
from sbn.augment.size_ops import RandomCrop

SIZES = (32, 64, 96, 128, 160, 192, 224)  # Consistent Normalization, Table 3


def numbers(count, steps, *, seed=0, stage=0, stream=1):
    return [int(drawn(count, seed=seed, stage=stage, step=step, stream=stream)) for step in range(steps)]


def test_a_pipeline_stands_for_one_of_each_size():
    text = f"flip|random_crop_of({SIZES})|cutout(4)"
    ops = parse(text)
    assert ops[1] == RandomCropOf(SIZES)
    assert parse(format(ops)) == ops
    flip, _, cutout = ops
    assert variants(ops) == tuple((flip, RandomCrop(size), cutout) for size in SIZES)
    assert variants(parse("flip|random_crop(9)")) == (parse("flip|random_crop(9)"),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("random_crop_of(32)", ["random_crop_of(sizes) is 32", "two or more different whole numbers from 1 to 65536"]),
        ("random_crop_of((32,))", ["(32,)", "two or more"]),
        ("random_crop_of((32, 32))", ["(32, 32)", "different"]),
        ("random_crop_of((32, 0))", ["(32, 0)", "from 1"]),
        ("random_crop_of((32, 6.5))", ["(32, 6.5)", "whole"]),
        ("random_crop_of((32, True))", ["(32, True)", "whole"]),
        ("random_crop_of", ["needs sizes"]),
    ],
)
def test_sizes_that_can_not_be_are_named(text, words):
    with pytest.raises(ValueError, match=r"\w") as caught:
        parse(text)
    assert all(word in str(caught.value) for word in words), caught.value


def test_only_views_of_training_draw_sizes_and_once():
    with pytest.raises(ValueError, match="op 2 of 2: random_crop_of draws a size a mini-batch"):
        check_fits(parse("flip|random_crop_of((4, 5))"), image_size=(8, 8))
    with pytest.raises(ValueError, match="stands there twice"):
        variants(parse("random_crop_of((4, 5))|random_crop_of((2, 3))"))


def test_sizes_are_uniform_and_independent_from_step_to_step():
    found = np.array(numbers(7, 7000))
    # chance of a fair draw to be refused: 1 in 10,000
    assert stats.chisquare(np.bincount(found, minlength=7)).pvalue > 1e-4
    pairs = np.bincount(7 * found[:-1] + found[1:], minlength=49)
    assert stats.chisquare(pairs).pvalue > 1e-4


def test_seeds_stages_and_streams_draw_apart():
    same = np.array(numbers(7, 500))
    for other in ({"seed": 1}, {"stage": 1}, {"stream": 0}):
        # two independent draws of seven agree one time in seven: 71 of 500, give or take 8
        assert 40 < (np.array(numbers(7, 500, **other)) == same).sum() < 105
    assert numbers(7, 50) == numbers(7, 50)


def test_tensorflow_draws_the_same_sizes():
    steps = [0, 1, 77, 599_999]
    address = {"seed": 5, "stage": 2, "stream": 1}
    run = tf.function(lambda step: drawn(7, step=step, words=TENSORFLOW, **address))
    found = [int(run(tf.constant(step, tf.int64))) for step in steps]
    assert found == [int(drawn(7, step=step, **address)) for step in steps]


def test_they_are_shown_as_drawn_once_a_batch():
    (line,) = table("random_crop_of((24, 32))").splitlines()[3:]
    assert "1/2 each" in line
    assert "one size a mini-batch" in line
