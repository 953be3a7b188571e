import dataclasses
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbn.augment import ops, size_ops
from sbn.augment.pipeline import draw_addresses, draws_needed, format, parse, streams
from sbn.augment.policies import OP_LISTS, SUBPOLICIES


def test_a_string_becomes_ops_from_left_to_right():
    assert parse("randaugment(3, 4)|crop(4)|flip|cutout(16)") == (
        ops.RandAugment(3, 4),
        ops.Crop(4),
        ops.Flip(),
        ops.Cutout(16),
    )


def test_nothing_and_none_are_the_empty_pipeline():
    assert parse("") == parse(" none ") == ()
    assert parse(format(())) == ()


def test_arguments_may_be_positional_or_named_and_strings_may_hold_anything():
    assert parse("crop(4, 'reflect')") == parse('crop(fill="reflect", pad=4)') == (ops.Crop(4, "reflect"),)
    # quotes protect '|', commas and parentheses: the bad value reaches the check in one piece
    with pytest.raises(ValueError, match=r"unknown crop\(fill\) 'a\|b\(,'"):
        parse("flip|crop(4, fill='a|b(,')")


FILL = st.one_of(st.just("mean"), st.integers(0, 255))
SPAN = st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)).map(sorted).map(tuple)
SEMANTICS = st.sampled_from(["pillow", "tf"])
ANY_OP = st.one_of(
    st.builds(ops.Flip, st.floats(0, 1)),
    st.builds(ops.Crop, st.integers(1, 300), st.sampled_from(["mean", "reflect"])),
    st.builds(ops.Cutout, st.integers(2, 300), st.booleans()),
    st.builds(ops.PatchGaussian, st.integers(1, 300), st.floats(0, 9), st.booleans()),
    st.builds(ops.Blur, st.floats(0.1, 100), st.sampled_from([3, 5, 99])),
    st.builds(ops.ResizeAndPad, st.integers(1, 99), st.sampled_from(["centre", "top_left", "random"]), FILL),
    st.builds(size_ops.RandomCrop, st.integers(1, 300)),
    st.builds(size_ops.InceptionCrop, st.integers(1, 300), SPAN, SPAN),
    st.builds(size_ops.Resize, st.integers(1, 300)),
    st.builds(size_ops.CentreCrop, st.integers(1, 300)),
    st.builds(ops.Gaussian, st.floats(0, 1e9), st.sampled_from(["fixed", "uniform"])),
    st.builds(ops.RandAugment, st.integers(1, 9), st.floats(0, 40), st.sampled_from([*OP_LISTS]), FILL, SEMANTICS),
    st.builds(ops.AutoAugment, st.sampled_from([*SUBPOLICIES]), FILL, SEMANTICS),
    st.builds(ops.TrivialAugment, FILL),
    st.builds(
        ops.AugMix,
        st.floats(0.1, 10),
        st.integers(1, 16),
        st.integers(-1, 16).filter(bool),
        st.integers(1, 16),
        st.booleans(),
    ),
)


@given(st.lists(ANY_OP).map(tuple))
def test_parse_undoes_format(pipeline):
    assert parse(format(pipeline)) == pipeline


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("flip(0.5)", "flip"),
        ("randaugment(layers=3, magnitude=4.0, ops='tf_tpu_16')", "randaugment(3, 4)"),
        ("randaugment(2,4.5,fill=0)", "randaugment(2, 4.5, fill=0)"),
        ("crop(4,'mean') | gaussian( 1 )", "crop(4)|gaussian(1)"),
        ("inception_crop(24, area=(0.08, 1), ratio=(0.75, 1.5))", "inception_crop(24, ratio=(0.75, 1.5))"),
        ("inception_crop(24, [1, 1])", "inception_crop(24, area=(1, 1))"),
        ("", "none"),
    ],
)
def test_equal_pipelines_have_one_canonical_string(text, canonical):
    assert format(parse(text)) == canonical


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "randagument(3, 4)",
            [
                "unknown op",
                "'randagument'",
                "choices: randaugment, trivialaugment, autoaugment, ",
                "did you mean 'randaugment'",
            ],
        ),
        ("flip|np.flip", ["unknown op", "'np.flip'"]),
        ("flip||crop(4)", ["joined by '|'", "randaugment"]),
        ("crop(4", ["joined by '|'"]),
        ("crop(4, fil='mean')", ["unknown argument of crop", "'fil'", "pad", "did you mean 'fill'"]),
        ("crop(**{})", ["unknown argument of crop"]),
        ("crop(4, fill='reflct')", ["crop(fill)", "'reflct'", "mean", "did you mean 'reflect'"]),
        ("crop(4, pad=4)", ["crop(pad) is given twice"]),
        ("crop", ["crop needs pad", "crop(pad, fill)"]),
        ("flip(0.5, 1)", ["flip takes at most 1", "probability", "not 2"]),
        ("crop(0)", ["crop(pad) is 0", "at least 1"]),
        ("crop(4.0)", ["crop(pad) is 4.0", "whole number"]),
        ("crop(True)", ["crop(pad) is True", "whole number"]),
        ("crop(open)", ["crop(pad) is open", "literal"]),
        ("cutout('16')", ["cutout(side) is '16'", "whole number"]),
        ("cutout(1)", ["cutout(side) is 1", "at least 2"]),
        ("flip(1.5)", ["flip(probability) is 1.5", "from 0 to 1"]),
        ("gaussian(1e999)", ["gaussian(sigma) is inf", "finite"]),
        ("gaussian(-1)", ["gaussian(sigma) is -1", "at least 0"]),
        ("randaugment(3, 4, ops='tf_tpu16')", ["randaugment(ops)", "paper_14", "did you mean 'tf_tpu_16'"]),
        ("autoaugment('cifar')", ["autoaugment(policy)", "imagenet_v0", "did you mean 'cifar10'"]),
        ("autoaugment", ["autoaugment needs policy"]),
        ("trivialaugment(fill='maen')", ["trivialaugment(fill)", "'maen'", "did you mean 'mean'"]),
        ("randaugment(3, 4, semantics='tff')", ["randaugment(semantics)", "pillow", "did you mean 'tf'"]),
        ("blur(side=4)", ["blur(side) is 4", "odd"]),
        ("cutout(16, half_side=16)", ["cutout(half_side) is 16", "True or False"]),
        ("resize_and_pad(16, 'center')", ["resize_and_pad(placement)", "did you mean 'centre'"]),
        ("augmix(depth=0)", ["augmix(depth) is 0", "-1 for 1, 2 or 3"]),
        ("augmix(alpha=0.5)", ["augmix(alpha) is 0.5", "whole number"]),
        ("augmix(severity=11)", ["augmix(severity) is 11", "from 0.1 to 10"]),
        ("augmix(all_ops=1)", ["augmix(all_ops) is 1", "True or False"]),
        ("trivialaugment(fill=-1)", ["trivialaugment(fill) is -1", "from 0 to 255"]),
        ("trivialaugment(fill=1.5)", ["trivialaugment(fill) is 1.5", "whole number"]),
        ("random_crop", ["random_crop needs size", "random_crop(size)"]),
        ("random_crop(0)", ["random_crop(size) is 0", "from 1 to 65536"]),
        ("random_crop(24, 4)", ["random_crop takes at most 1", "size", "not 2"]),
        ("randomcrop(24)", ["unknown op 'randomcrop'", "did you mean 'random_crop'"]),
        ("center_crop(24)", ["unknown op 'center_crop'", "did you mean 'centre_crop'"]),
        ("resize(24.0)", ["resize(size) is 24.0", "whole number"]),
        ("inception_crop(24, scale=(0.1, 1))", ["unknown argument of inception_crop 'scale'", "area, ratio, size"]),
        ("inception_crop(24, (1, 0.08))", ["inception_crop(area) is (1, 0.08)", "0.0001 <= a <= b <= 1"]),
        ("inception_crop(24, (0, 1))", ["inception_crop(area) is (0, 1)", "pair"]),
        ("inception_crop(24, 0.08)", ["inception_crop(area) is 0.08", "pair (a, b)"]),
        ("inception_crop(24, (0.1, 0.2, 0.3))", ["inception_crop(area) is (0.1, 0.2, 0.3)", "pair"]),
        ("inception_crop(24, (0.5, True))", ["inception_crop(area) is (0.5, True)", "pair"]),
        ("inception_crop(24, ratio=(0.5, 1e999))", ["inception_crop(ratio) is (0.5, inf)", "<= 100"]),
        ("inception_crop(24, ratio=(3/4, 4/3))", ["inception_crop(ratio) is (3 / 4, 4 / 3)", "literal", "pair of num"]),
        ("crop(4|flip", ["'crop(4|flip' is not a list of ops joined by '|': '(' was never closed"]),
        ("randaugment(3, 4, fill=256)", ["randaugment(fill) is 256", "from 0 to 255"]),
    ],
)
def test_an_error_is_one_line_with_value_choices_and_nearest(text, words):
    with pytest.raises(ValueError, match=r"\w") as caught:
        parse(text)
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("flp", "unknown op 'flp'"),
        ("flip|crop(0)", "op 2 of 2 (column 6): crop(pad) is 0"),
        ("  crop(4) | autoaugment('x')|flip", "op 2 of 3 (column 13): unknown autoaugment(policy) 'x'"),
        ("3|flip", "op 1 of 2 (column 1): unknown op '3'"),
    ],
)
def test_of_several_ops_the_error_says_which_and_where(text, start):
    with pytest.raises(ValueError, match=r"\w") as caught:
        parse(text)
    assert str(caught.value).startswith(start)


def test_ops_are_checked_however_they_are_made():
    with pytest.raises(ValueError, match="whole number"):
        ops.Crop("4")
    with pytest.raises(dataclasses.FrozenInstanceError):
        ops.Crop(4).pad = 3


def test_draws_are_counted_and_no_two_share_an_address():
    size = (3, 5)
    pipeline = parse("randaugment(3, 4)|crop(4)|flip|cutout(4)|gaussian(.1)|gaussian(.1, 'uniform')")
    # 4 a layer; 45 values need 23 Box-Muller pairs; a uniform sigma one draw more
    assert [draws_needed(op, size) for op in pipeline] == [12, 2, 1, 2, 46, 47]
    assert [draws_needed(op, size) for op in parse("autoaugment('svhn')|trivialaugment")] == [9, 3]
    assert [draws_needed(op, size) for op in parse("patch_gaussian(3, 1)|blur|resize_and_pad(2)")] == [50, 0, 2]
    # 3 + 2 weights and 3 chains of 1 + 3 * 3; (4 + 2) * 2 weights and 4 chains of 1 + 3 * 1
    assert [draws_needed(op, size) for op in parse("augmix|augmix(3, 4, 1, 2)")] == [35, 28]
    addresses = [index for address in draw_addresses(pipeline, size) for index in address]
    assert len(set(addresses)) == 110
    assert max(addresses) < 2**32


def test_an_op_has_the_same_draws_wherever_it_stands():
    weak, strong = parse("crop(4)|flip|crop(2)"), parse("randaugment(3, 4)|crop(4)|gaussian(.1)|flip|crop(2)")
    a, b = draw_addresses(weak, (8, 8)), draw_addresses(strong, (8, 8))
    assert a == (b[1], b[3], b[4])
    assert a[0] != a[2]


def test_new_ops_go_to_the_end_so_that_old_draws_stay():
    """A run's augmentations are addressed by these numbers: another order would change every published result."""
    published = ["flip", "crop", "cutout", "gaussian", "randaugment", "autoaugment", "trivialaugment", "augmix"]
    published += ["patch_gaussian", "blur", "resize_and_pad"]
    published += ["random_crop", "inception_crop", "resize", "centre_crop"]
    assert list(ops.OPS)[: len(published)] == published


def test_more_than_there_are_addresses_for_is_refused():
    with pytest.raises(ValueError, match="too many flip ops"):
        draw_addresses(parse("|".join(["flip"] * 17)), (8, 8))
    with pytest.raises(ValueError, match="images too large"):
        draw_addresses(parse("gaussian(.1)"), (2000, 2000))


def test_strings_are_read_without_tensorflow_or_jax():
    code = (
        "import sys, sbn.augment.pipeline as p, sbn.augment.draws, sbn.augment.__main__; p.parse('flip');"
        "sys.exit(any(name in sys.modules for name in ('tensorflow', 'jax')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_views_share_the_draws_of_the_ops_that_both_have():
    clean, strong = parse("crop(4)|flip"), parse("crop(4)|flip|augmix|crop(2)")
    assert streams(strong, 2, clean, 0) == (0, 0, 2, 2)  # the second crop is not the first
    assert streams(clean, 2, strong, 0) == (0, 0)
    assert streams(strong, 2, strong, 2) == (2, 2, 2, 2)
    assert streams(parse("flip|mixup(1)"), 1, parse("mixup(0.2)|cutmix"), 0) == (1, 0)
