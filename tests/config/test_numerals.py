"""What is read as a number from text, and what Python would read as one and is not."""

import argparse

import pytest

from sbn.augment import pipeline
from sbn.config import arguments, numerals, tree

NONE = [
    "",
    "1_2",
    "٣",
    "\uff11",
    "²",
    " 1",
    "1 ",
    "+1",
    "--1",
    "nan",
    "inf",
    "-inf",
    "0x10",
    "1e",
    "1,5",
    "1\n",
    "True",
]


@pytest.mark.parametrize("text", [*NONE, "1.0", "1e3", "9" * 19])
def test_what_is_no_whole_number_is_none(text):
    assert numerals.whole(text) is None
    with pytest.raises(argparse.ArgumentTypeError, match="not a whole number"):
        arguments.whole(text)


@pytest.mark.parametrize("text", [*NONE, ".", "-", "1e999", "1e99999", "1.2.3", "1_0.5", "1e1_0"])
def test_what_is_no_decimal_number_is_none(text):
    assert numerals.decimal(text) is None


def test_numbers_are_what_they_say():
    assert [numerals.whole(text) for text in ("0", "-12", "007", "9" * 18)] == [0, -12, 7, 10**18 - 1]
    texts = ("0", "-12", "1.5", "1.", ".5", "1e3", "2.5E-2", "-0.0")
    assert [numerals.decimal(text) for text in texts] == [0, -12, 1.5, 1.0, 0.5, 1000, 0.025, 0]


@pytest.mark.parametrize(("name", "text"), [("seed", "1_2"), ("optim.lr", "0.1_2"), ("eval.mix", "0.1,1_0.5")])
def test_numbers_of_a_config_have_no_underscores(name, text):
    value = tree.literal(name, text)
    assert value == text or text.split(",")[1] in value  # the check of the type refuses a text
    assert tree.literal("data.args.name", "2020_01") == "2020_01"  # a name, not 202001
    assert tree.literal("data.args.name", "['2020_01', 2]") == ("2020_01", 2)


def test_numbers_of_a_pipeline_have_no_underscores():
    with pytest.raises(ValueError, match=r"'1_0' in 'flip\|crop\(1_0\)' is not a number"):
        pipeline.parse("flip|crop(1_0)")
    assert numerals.joined("own_1.module_2:Op_3(4, '5_6')") is None
