import pytest

from sbn.augment.levels import argument
from sbn.augment.tf_levels import TF_AUTOAUGMENT, TF_RANDAUGMENT

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
