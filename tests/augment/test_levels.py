import numpy as np
import pytest

from sbn.augment.levels import LEVELS, argument
from sbn.augment.policies import OP_LISTS, SIGNED

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
