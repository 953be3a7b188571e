"""What AutoAugment's levels mean by each reading, beside numbers worked out by hand."""

import pytest

from sbn.augment import choices, draws, entries, ops
from sbn.augment.draws import NUMPY
from sbn.augment.levels import LEVELS, argument
from sbn.augment.readings import FACTORS, READINGS, negative_argument
from sbn.augment.show import table

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
    levels = READINGS["pytorch"]((48, 64))
    assert [argument(op, level, table=levels) for level in range(10)] == pytest.approx(PYTORCH[op], abs=1e-4)


def test_the_pytorch_codes_factors_fall_below_1_as_far_as_they_rise_above():
    levels = READINGS["pytorch"]((32, 32))
    for op in FACTORS:
        found = [negative_argument("pytorch", op, level, table=levels) for level in range(10)]
        assert found == pytest.approx([1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])


def test_translations_are_in_proportion_to_the_side_that_they_go_along():
    for reading in ("scaled", "scaled_4_to_8"):
        wide, small = READINGS[reading]((224, 64)), READINGS[reading]((32, 32))
        assert [argument("TranslateX", level, table=wide) for level in (0, 1, 4, 9, 10)] == [0, 2, 8, 18, 20]
        assert [argument("TranslateY", level, table=wide) for level in (0, 1, 4, 9, 10)] == [0, 7, 28, 63, 70]
        assert [argument("TranslateY", level, table=small) for level in range(11)] == list(range(11))
    assert argument("TranslateY", 9, table=READINGS["pytorch"]((331, 32))) == pytest.approx(150)


def test_posterize_keeps_4_to_8_bits_the_more_the_higher_the_level():
    levels = READINGS["scaled_4_to_8"]((32, 32))
    assert [argument("Posterize", level, table=levels) for level in range(11)] == [4, 4, 4, 5, 5, 6, 6, 6, 7, 7, 8]


def test_at_32_pixels_the_readings_differ_from_the_released_code_in_nothing_else():
    assert READINGS["released"]((64, 64)) == LEVELS
    for reading, but in (("scaled", set()), ("scaled_4_to_8", {"Posterize"})):
        levels = READINGS[reading]((32, 32))
        assert levels.keys() == LEVELS.keys()
        for op in LEVELS.keys() - but:
            for level in range(11):
                assert argument(op, level, table=levels) == argument(op, level)
                assert negative_argument(reading, op, level, table=levels) == argument(op, level)


def asked(levels):
    """The entries that the first step of every image asks for, and the bits of its sign."""
    made = []

    def catalogue(table, **keywords):
        return lambda words, drawn, bits: made.append(([table[number] for number in drawn], bits))

    op = ops.AutoAugment("cifar10", levels=levels)
    bits = draws.bits(1, range(2000), stage=0, epoch=0, view=0, draws=range(op.draws_needed((64, 64))))
    choices.make_policy(op, (64, 64), catalogue=catalogue, words=NUMPY)(bits, 0)
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
    table, _ = entries.of_autoaugment(ops.AutoAugment("imagenet_v0", semantics="tf"), (64, 64))
    assert ("TranslateY", pytest.approx(225)) in table  # 25 pixels a level
