"""Sizes that mini-batches draw: read, refused, and uniform."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from sbn.augment import size_ops
from sbn.augment.host.arrays import TENSORFLOW
from sbn.augment.pipeline import draw_addresses, draws_needed, format, parse
from sbn.augment.show import table
from sbn.augment.size_checks import check_fits
from sbn.augment.size_ops import RandomCrop, RandomCropOf, drawn, sizes, variants


@pytest.mark.parametrize(
    ("text", "along"),
    [
        ("none", [(20, 27)]),
        ("flip|crop(4)", [(20, 27)] * 3),
        ("random_crop(13)|flip", [(20, 27), (13, 13), (13, 13)]),
        ("inception_crop(40)|centre_crop(32)|gaussian(0.1)", [(20, 27), (40, 40), (32, 32), (32, 32)]),
        ("resize(10)|centre_crop(9)", [(20, 27), (10, 13), (9, 9)]),  # 10 * 27 / 20 is 13.5
        ("resize_and_pad(9)", [(20, 27)] * 2),
    ],
)
def test_sizes_are_followed_from_op_to_op(text, along):
    assert sizes(parse(text), (20, 27)) == tuple(along)


def test_the_shorter_side_is_resized_whichever_it_is():
    resize = parse("resize(256)")
    assert sizes(resize, (375, 500))[-1] == (256, 341)
    assert sizes(resize, (500, 375))[-1] == (341, 256)
    assert sizes(resize, (64, 64))[-1] == (256, 256)
    assert sizes(resize, (1, 3))[-1] == (256, 768)


def test_draws_are_counted_at_the_size_that_an_op_meets():
    pipeline = parse(
        "gaussian(0.1)|random_crop(4)|gaussian(0.1)|inception_crop(6)|resize(2)|gaussian(0.1)|centre_crop(1)"
    )
    # 3 * 8 * 8 values, then 3 * 4 * 4, then 3 * 2 * 2, each of them even
    assert [len(where) for where in draw_addresses(pipeline, (8, 8))] == [192, 2, 48, 22, 0, 12, 0]
    assert [draws_needed(op, (8, 8)) for op in pipeline[:4]] == [192, 2, 192, 22]
    with pytest.raises(ValueError, match="images too large"):
        check_fits(parse("resize(2000)|gaussian(0.1)"), image_size=(32, 32))
    check_fits(parse("random_crop(32)|gaussian(0.1)"), image_size=(2000, 2000))


def test_an_op_has_the_same_draws_whatever_changes_the_size_before_it():
    short, long = parse("random_crop(8)|flip"), parse("resize(24)|centre_crop(20)|random_crop(8)|flip")
    assert draw_addresses(short, (16, 16)) == draw_addresses(long, (16, 16))[2:]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("random_crop(33)", "random_crop(size) is 33; for images of 32 x 40 pixels it must be at most 32"),
        (
            "flip|centre_crop(36)",
            "op 2 of 2: centre_crop(size) is 36; for images of 32 x 40 pixels it must be at most 32",
        ),
        (
            "flip|random_crop(16)|flip|random_crop(17)",
            "op 4 of 4: random_crop(size) is 17; for images of 16 x 16 pixels it must be at most 16",
        ),
        (
            "resize(64)|centre_crop(65)",
            "op 2 of 2: centre_crop(size) is 65; for images of 64 x 80 pixels it must be at most 64",
        ),
        (
            "inception_crop(8)|crop(8, 'reflect')",
            "op 2 of 2: crop(pad) is 8, the pixels added on every side; for images of 8 x 8 pixels it must be below 8",
        ),
        (
            "inception_crop(8)|crop(8)",
            "op 2 of 2: crop(pad) is 8, the pixels added on every side; for images of 8 x 8 pixels it must be below 8",
        ),
        ("random_crop(4)|blur(side=9)", "op 2 of 2: blur(side) is 9; for images of 4 x 4 pixels it must be below 8"),
        (
            "resize(9)|resize_and_pad(10)",
            "op 2 of 2: resize_and_pad(size) is 10; for images of 9 x 11 pixels it must be at most 9",
        ),
    ],
)
def test_what_is_larger_than_the_image_is_refused_with_op_place_and_sizes(text, message):
    with pytest.raises(ValueError, match=r"\w") as caught:
        check_fits(parse(text), image_size=(32, 40))
    assert str(caught.value) == message


def test_a_window_may_be_as_large_as_the_image():
    check_fits(parse("random_crop(32)|centre_crop(32)"), image_size=(32, 40))


def test_every_op_says_what_it_makes():
    assert [op.name for op in size_ops.SIZE_OPS] == ["random_crop", "inception_crop", "resize", "centre_crop"]
    for op in size_ops.SIZE_OPS:
        assert op(7).size_after((7, 7)) == (7, 7)


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
    with pytest.raises(ValueError, match="op 2 of 2: random_crop_of draws a size per mini-batch"):
        check_fits(parse("flip|random_crop_of((4, 5))"), image_size=(8, 8))
    with pytest.raises(ValueError, match="appears twice"):
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
    run = tf.function(lambda step: drawn(7, step=step, library=TENSORFLOW, **address))
    found = [int(run(tf.constant(step, tf.int64))) for step in steps]
    assert found == [int(drawn(7, step=step, **address)) for step in steps]


def test_they_are_shown_as_drawn_once_a_batch():
    (line,) = table("random_crop_of((24, 32))").splitlines()[3:]
    assert "1/2 each" in line
    assert "one size a mini-batch" in line
