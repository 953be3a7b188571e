"""What AutoAugment's levels mean by each reading, beside numbers worked out by hand."""

import numpy as np
import pytest

from sbn.augment import draws, ops, policy_draws
from sbn.augment.draws import NUMPY
from sbn.augment.levels import (
    AUTOAUGMENT_LEVELS,
    FACTORS,
    LEVELS,
    TF_AUTOAUGMENT,
    TF_RANDAUGMENT,
    argument,
    negative_argument,
)
from sbn.augment.policies import OP_LISTS, SIGNED
from sbn.augment.show import table

# Levels 0..10 of the Pillow code released with AutoAugment, made by running that code.
TABLE = {
    "Rotate": [0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30],
    "TranslateX": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    "Posterize": [4, 4, 4, 3, 3, 2, 2, 2, 1, 1, 1],  # 0 bits at level 10 is what Pillow refuses: held at 1
    "Solarize": [256, 231, 205, 180, 154, 128, 103, 77, 52, 26, 0],
    "SolarizeAdd": [0, 11, 22, 33, 44, 55, 66, 77, 88, 99, 110],
    "Cutout": [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20],
}


@pytest.mark.parametrize("op", TABLE)
def test_whole_arguments_equal_the_released_code(op):
    values = [argument(op, level) for level in range(11)]
    assert values == TABLE[op]
    assert all(type(value) is int for value in values)


@pytest.mark.parametrize(("op", "slope", "start"), [("ShearX", 0.03, 0), ("ShearY", 0.03, 0), ("Color", 0.18, 0.1)])
def test_real_arguments_are_linear_in_the_level(op, slope, start):
    for level in range(31):
        # the formulas differ in the order of multiplication only: a few units in the last place
        assert argument(op, level) == pytest.approx(slope * level + start, rel=1e-14)


def test_the_enhance_ops_share_one_formula_that_is_neutral_at_5():
    for op in ("Color", "Contrast", "Brightness", "Sharpness"):
        assert np.float32(argument(op, 5)) == 1
        assert argument(op, 9.3) == argument("Color", 9.3)


def test_levels_above_10_grow_on_within_what_the_ops_can_take():
    assert argument("Rotate", 28) == 84
    assert argument("Posterize", 14) == argument("Posterize", 30) == 1
    assert argument("Solarize", 14) == 0
    assert argument("TranslateX", 3.9) == 3


def test_every_listed_op_has_a_level_and_lists_have_their_length():
    assert {name: len(names) for name, names in OP_LISTS.items()} == {
        "tf_tpu_16": 16,
        "paper_14": 14,
        "uda_cifar_15": 15,
        "fixmatch_imagenet_16": 16,
    }
    for names in OP_LISTS.values():
        assert len(set(names)) == len(names)
        assert set(names) <= set(LEVELS)
    full = set(OP_LISTS["tf_tpu_16"])
    assert set(OP_LISTS["paper_14"]) == full - {"Invert", "Cutout", "SolarizeAdd"} | {"Identity"}
    assert set(OP_LISTS["uda_cifar_15"]) == full - {"SolarizeAdd"}
    assert set(OP_LISTS["fixmatch_imagenet_16"]) == full - {"Cutout"} | {"Identity"}
    assert full > SIGNED


def test_errors_name_the_value_and_the_nearest_op():
    with pytest.raises(ValueError, match=r"'Posterise'.*'Posterize'"):
        argument("Posterise", 3)
    with pytest.raises(ValueError, match=r"level of Rotate is -1"):
        argument("Rotate", -1)


# Levels 0 to 9 of the PyTorch code: ten numbers from end to end of a range.
PYTORCH = {
    "ShearX": [0, 0.0333, 0.0667, 0.1, 0.1333, 0.1667, 0.2, 0.2333, 0.2667, 0.3],
    "Rotate": [0, 3.3333, 6.6667, 10, 13.3333, 16.6667, 20, 23.3333, 26.6667, 30],
    "Posterize": [8, 8, 7, 7, 6, 6, 5, 5, 4, 4],
    # 256, 227.6, 199.1, 170.7, 142.2, 113.8, 85.3, 56.9, 28.4, 0, and the next whole level above
    "Solarize": [256, 228, 200, 171, 143, 114, 86, 57, 29, 0],
    "Contrast": [1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9],
    # 150 / 331 = 0.45317 of 64 pixels at level 9
    "TranslateX": [0, 3.2226, 6.4451, 9.6677, 12.8902, 16.1128, 19.3353, 22.5579, 25.7805, 29.0030],
}


@pytest.mark.parametrize("op", PYTORCH)
def test_the_pytorch_codes_levels(op):
    levels = AUTOAUGMENT_LEVELS["pytorch"]((48, 64))
    assert [argument(op, level, table=levels) for level in range(10)] == pytest.approx(PYTORCH[op], abs=1e-4)


def test_the_pytorch_codes_factors_fall_below_1_as_far_as_they_rise_above():
    levels = AUTOAUGMENT_LEVELS["pytorch"]((32, 32))
    for op in FACTORS:
        found = [negative_argument("pytorch", op, level, table=levels) for level in range(10)]
        assert found == pytest.approx([1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])


def test_translations_are_in_proportion_to_the_side_that_they_go_along():
    for reading in ("scaled", "scaled_4_to_8"):
        wide, small = AUTOAUGMENT_LEVELS[reading]((224, 64)), AUTOAUGMENT_LEVELS[reading]((32, 32))
        assert [argument("TranslateX", level, table=wide) for level in (0, 1, 4, 9, 10)] == [0, 2, 8, 18, 20]
        assert [argument("TranslateY", level, table=wide) for level in (0, 1, 4, 9, 10)] == [0, 7, 28, 63, 70]
        assert [argument("TranslateY", level, table=small) for level in range(11)] == list(range(11))
    assert argument("TranslateY", 9, table=AUTOAUGMENT_LEVELS["pytorch"]((331, 32))) == pytest.approx(150)


def test_posterize_keeps_4_to_8_bits_the_more_the_higher_the_level():
    levels = AUTOAUGMENT_LEVELS["scaled_4_to_8"]((32, 32))
    assert [argument("Posterize", level, table=levels) for level in range(11)] == [4, 4, 4, 5, 5, 6, 6, 6, 7, 7, 8]


def test_at_32_pixels_the_readings_differ_from_the_released_code_in_nothing_else():
    assert AUTOAUGMENT_LEVELS["released"]((64, 64)) == LEVELS
    for reading, but in (("scaled", set()), ("scaled_4_to_8", {"Posterize"})):
        levels = AUTOAUGMENT_LEVELS[reading]((32, 32))
        assert levels.keys() == LEVELS.keys()
        for op in LEVELS.keys() - but:
            for level in range(11):
                assert argument(op, level, table=levels) == argument(op, level)
                assert negative_argument(reading, op, level, table=levels) == argument(op, level)


def asked(levels):
    """The entries that the first step of every image asks for, and the bits of its sign."""
    made = []

    class Recorder(policy_draws.Tables):
        def __init__(self, table, **keywords):
            self.table = table

        def __call__(self, words, drawn, bits):
            made.append(([self.table[number] for number in drawn], bits))

    op = ops.AutoAugment("cifar10", levels=levels)
    bits = draws.bits(1, range(2000), stage=0, epoch=0, view=0, draws=range(op.draws_needed((64, 64))))
    policy_draws.make_policy(op, (64, 64), tables=Recorder, library=NUMPY)(bits, 0, None)
    return made


def test_readings_leave_draws_alone_and_a_sign_decides_between_two_factors():
    released, pytorch = asked("released"), asked("pytorch")
    for (before, bits), (after, same_bits) in zip(released, pytorch, strict=True):
        assert [entry.name for entry in before] == [entry.name for entry in after]
        assert (bits == same_bits).all()
        factors = [(entry, bit >> 31) for entry, bit in zip(after, bits[:, 0], strict=True) if entry.name in FACTORS]
        assert {negative for _, negative in factors} == {0, 1}
        assert all((entry.argument < 1) == bool(negative) for entry, negative in factors if entry.argument != 1)


def test_a_reading_is_shown_with_its_numbers():
    text = " ".join(table("autoaugment('cifar10', levels='pytorch')").split())
    assert "Contrast 0.2 1.6 or 0.4 factor 1/2 each" in text
    assert "TranslateX 0.3 14.5 pixels of 32 + or -, 1/2 each" in text
    assert "Posterize 0.4 7 bits kept" in " ".join(table("autoaugment('imagenet', levels='scaled_4_to_8')").split())


def test_the_tensorflow_code_has_levels_of_its_own():
    with pytest.raises(ValueError, match=r"autoaugment\(levels\) is 'scaled'"):
        ops.AutoAugment("imagenet_v0", semantics="tf", levels="scaled")
    table, _ = policy_draws.of_autoaugment(ops.AutoAugment("imagenet_v0", semantics="tf"), (64, 64))
    assert ("TranslateY", pytest.approx(225)) in table  # 25 pixels a level


# Levels 0..10, made by running the released code; bits and thresholds out of range are held at the nearest in range.
BOTH = {
    "Rotate": [0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30],
    "ShearX": [0, 0.03, 0.06, 0.09, 0.12, 0.15, 0.18, 0.21, 0.24, 0.27, 0.3],
    "Posterize": [1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4],
    "Solarize": [0, 25, 51, 76, 102, 128, 153, 179, 204, 230, 256],
    "SolarizeAdd": [0, 11, 22, 33, 44, 55, 66, 77, 88, 99, 110],
    "Color": [0.1, 0.28, 0.46, 0.64, 0.82, 1, 1.18, 1.36, 1.54, 1.72, 1.9],
}


@pytest.mark.parametrize("table", [TF_RANDAUGMENT, TF_AUTOAUGMENT], ids=["randaugment", "autoaugment"])
@pytest.mark.parametrize("op", BOTH)
def test_arguments_equal_the_released_code(op, table):
    found = [argument(op, level, table=table) for level in range(11)]
    assert found == pytest.approx(BOTH[op], rel=1e-14)


def test_pixels_depend_on_the_policy():
    for level in range(11):
        assert argument("TranslateX", level, table=TF_RANDAUGMENT) == pytest.approx(10 * level)
        assert argument("TranslateY", level, table=TF_AUTOAUGMENT) == pytest.approx(25 * level)
        # the code's numbers are half sides
        assert argument("Cutout", level, table=TF_RANDAUGMENT) == 2 * 4 * level
        assert argument("Cutout", level, table=TF_AUTOAUGMENT) == 2 * 10 * level


def test_levels_above_10_stay_within_what_the_ops_can_take():
    assert argument("Posterize", 28, table=TF_RANDAUGMENT) == 8
    assert argument("Solarize", 28, table=TF_RANDAUGMENT) == 256
    assert argument("Rotate", 28, table=TF_RANDAUGMENT) == pytest.approx(84)
